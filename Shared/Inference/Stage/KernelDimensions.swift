internal import Kernels

/// The sizes of a model as the kernels want them, with the RoPE tables that they point at.
final class KernelDimensions {
    private var value = e2_dims()
    private let frequencies: UnsafeMutablePointer<Double>
    private let localFrequencies: UnsafeMutablePointer<Double>?

    init(_ model: ModelConfiguration, ropeFactors: [Float]?, maxPositions: Int) throws {
        let dimensions = Int32(model.rope.dimensions)
        let count = max(model.rope.dimensions / 2, 1)
        frequencies = .allocate(capacity: count)
        e2_rope_frequencies(dimensions, model.rope.base, model.rope.positionScale, ropeFactors, frequencies)
        if let window = model.slidingWindow {
            let local = UnsafeMutablePointer<Double>.allocate(capacity: count)
            e2_rope_frequencies(dimensions, window.ropeBase, 1, nil, local)
            localFrequencies = local
        } else {
            localFrequencies = nil
        }
        value.hidden = Int32(model.hidden)
        value.heads = Int32(model.heads)
        value.kv_heads = Int32(model.kvHeads)
        value.head_dim = Int32(model.headDim)
        value.ffn = Int32(model.feedForward)
        value.max_positions = Int32(min(maxPositions, Int(Int32.max)))
        value.norm_epsilon = model.normEpsilon
        value.attention_scale = model.attentionScale ?? 0
        value.rope_pairing = model.rope.pairing == .adjacent ? E2_ROPE_ADJACENT : E2_ROPE_HALVES
        value.rope_dimensions = dimensions
        value.rope_frequencies = UnsafePointer(frequencies)
        value.local_rope_frequencies = localFrequencies.map { UnsafePointer($0) }
        value.activation = model.activation == .gelu ? E2_GELU : E2_SILU
        value.kv_type = model.kvType.kernelType
        try KernelFailure.check(
            e2_dims_check(&value),
            "sizes of the model (embedding_length \(model.hidden), head_count \(model.heads), head_count_kv "
                + "\(model.kvHeads), head width \(model.headDim), feed_forward_length \(model.feedForward))")
    }

    deinit {
        frequencies.deallocate()
        localFrequencies?.deallocate()
    }

    func withPointer<Result>(_ body: (UnsafePointer<e2_dims>) throws -> Result) rethrows -> Result {
        try withUnsafePointer(to: value, body)
    }
}
