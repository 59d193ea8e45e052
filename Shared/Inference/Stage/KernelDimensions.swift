internal import Kernels

/// The sizes of a model as the kernels want them, with the RoPE table that they point at.
final class KernelDimensions {
    private var value = e2_dims()
    private let frequencies: UnsafeMutablePointer<Double>

    init(_ model: ModelConfiguration, ropeFactors: [Float]?, maxPositions: Int) throws {
        frequencies = .allocate(capacity: max(model.rope.dimensions / 2, 1))
        e2_rope_frequencies(
            Int32(model.rope.dimensions), model.rope.base, model.rope.positionScale, ropeFactors, frequencies)
        value.hidden = Int32(model.hidden)
        value.heads = Int32(model.heads)
        value.kv_heads = Int32(model.kvHeads)
        value.head_dim = Int32(model.headDim)
        value.ffn = Int32(model.feedForward)
        value.max_positions = Int32(min(maxPositions, Int(Int32.max)))
        value.norm_epsilon = model.normEpsilon
        value.rope_pairing = model.rope.pairing == .adjacent ? E2_ROPE_ADJACENT : E2_ROPE_HALVES
        value.rope_dimensions = Int32(model.rope.dimensions)
        value.rope_frequencies = UnsafePointer(frequencies)
        try KernelFailure.check(
            e2_dims_check(&value),
            "sizes of the model (embedding_length \(model.hidden), head_count \(model.heads), head_count_kv "
                + "\(model.kvHeads), head width \(model.headDim), feed_forward_length \(model.feedForward))")
    }

    deinit { frequencies.deallocate() }

    func withPointer<Result>(_ body: (UnsafePointer<e2_dims>) throws -> Result) rethrows -> Result {
        try withUnsafePointer(to: value, body)
    }
}
