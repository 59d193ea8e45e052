internal import Kernels

/// The sizes of a model as the kernels want them, with the RoPE tables that they point at.
@safe final class KernelDimensions {
    private var value = unsafe e2_dims()
    private let frequencies: UnsafeMutablePointer<Double>
    private let localFrequencies: UnsafeMutablePointer<Double>?

    init(_ model: ModelConfiguration, ropeFactors: [Float]?, maxPositions: Int) throws {
        let dimensions = Int32(model.rope.dimensions)
        let count = max(model.rope.dimensions / 2, 1)
        unsafe frequencies = .allocate(capacity: count)
        unsafe e2_rope_frequencies(dimensions, model.rope.base, model.rope.positionScale, ropeFactors, frequencies)
        if let window = model.slidingWindow {
            let local = UnsafeMutablePointer<Double>.allocate(capacity: count)
            unsafe e2_rope_frequencies(dimensions, window.ropeBase, 1, nil, local)
            unsafe localFrequencies = unsafe local
        } else {
            unsafe localFrequencies = nil
        }
        unsafe value.hidden = Int32(model.hidden)
        unsafe value.heads = Int32(model.heads)
        unsafe value.kv_heads = Int32(model.kvHeads)
        unsafe value.head_dim = Int32(model.headDim)
        unsafe value.ffn = Int32(model.feedForward)
        unsafe value.max_positions = Int32(min(maxPositions, Int(Int32.max)))
        unsafe value.norm_epsilon = model.normEpsilon
        unsafe value.attention_scale = model.attentionScale ?? 0
        unsafe value.rope_pairing = model.rope.pairing == .adjacent ? E2_ROPE_ADJACENT : E2_ROPE_HALVES
        unsafe value.rope_dimensions = dimensions
        unsafe value.rope_frequencies = unsafe UnsafePointer(frequencies)
        unsafe value.local_rope_frequencies = unsafe localFrequencies.map { unsafe UnsafePointer($0) }
        unsafe value.activation = model.activation == .gelu ? E2_GELU : E2_SILU
        unsafe value.kv_type = model.kvType.kernelType
        unsafe try KernelFailure.check(
            e2_dims_check(&value),
            "sizes of the model (embedding_length \(model.hidden), head_count \(model.heads), head_count_kv "
                + "\(model.kvHeads), head width \(model.headDim), feed_forward_length \(model.feedForward))")
    }

    deinit {
        unsafe frequencies.deallocate()
        unsafe localFrequencies?.deallocate()
    }

    func withPointer<Result>(_ body: (UnsafePointer<e2_dims>) throws -> Result) rethrows -> Result {
        unsafe try withUnsafePointer(to: value, body)
    }
}
