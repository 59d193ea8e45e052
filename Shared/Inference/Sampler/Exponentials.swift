internal import Kernels

/// Softmax numerators with the kernels' exponential, which has the same bits on every device.
enum Exponentials {
    /// `out[i] = exp((logits[i] - best) * scale)`, 0 for NaN.
    static func weights(of logits: Span<Float>, best: Float, scale: Float, into out: inout [Float]) {
        if out.count != logits.count { out = [Float](repeating: 0, count: logits.count) }
        unsafe out.withUnsafeMutableBufferPointer { destination in
            unsafe logits.withUnsafeBufferPointer { source in
                guard let from = source.baseAddress, let to = destination.baseAddress else { return }
                unsafe e2_exp_weights(source.count, from, best, scale, to)
            }
        }
    }
}
