internal import Domain
internal import Kernels

/// The head of a model on its own, over rows of made-up hidden states.
final class HeadExecutor {
    private let pool: ComputePool
    private let weights: StageWeights
    private let head: StageWeights.Head
    private let scratch: AlignedMemory
    private let hidden: AlignedMemory
    private let logits: AlignedMemory
    private let configuration: ModelConfiguration

    init(model: ModelFile, threads: Int, maxRows: Int) throws {
        configuration = model.configuration
        pool = try ComputePool(threads: threads)
        weights = try StageWeights(
            model: model, layers: LayerRange(0, 0), withEmbedding: false, withHead: true, pool: pool,
            layout: KVBlockLayout(layers: 0, shape: model.configuration.kvShape), store: WeightStore())
        guard let head = weights.head else { throw InferenceError(.invalidInput, "the model has no LM head") }
        self.head = head
        let width = configuration.hidden
        scratch = try AlignedMemory(
            bytes: e2_head_scratch_bytes(Int32(width), Int32(maxRows), Int32(threads)))
        hidden = try AlignedMemory(bytes: maxRows * width * 4)
        logits = try AlignedMemory(bytes: maxRows * configuration.vocabulary * 4)
        let values = unsafe hidden.base.bindMemory(to: Float.self, capacity: maxRows * width)
        for index in 0..<maxRows * width {
            unsafe values[index] = Float(CounterRandom.uniform(seed: 1, counter: UInt64(index))) - 0.5
        }
    }

    /// Computes the logits of some rows and hands each row to `body`.
    func run(rows: Int, _ body: (Span<Float>) -> Void) throws {
        let indices = (0..<Int32(rows)).map { $0 }
        let out = unsafe logits.base.assumingMemoryBound(to: Float.self)
        let status = unsafe withUnsafePointer(to: head.matrix) { matrix in
            unsafe e2_head_forward(
                pool.pointer, head.norm, configuration.normEpsilon, matrix,
                hidden.base.assumingMemoryBound(to: Float.self), indices, Int32(rows), out,
                e2_scratch(memory: scratch.base, bytes: scratch.count))
        }
        try KernelFailure.check(status, "the LM head")
        for row in 0..<rows {
            unsafe body(
                UnsafeBufferPointer(start: out + row * configuration.vocabulary, count: configuration.vocabulary).span)
        }
    }
}
