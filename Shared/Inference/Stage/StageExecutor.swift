public import Domain
internal import Kernels

/// Runs the layers of one stage over batches of prompt chunks and decode rows.
///
/// Results do not depend on the number of threads, on how prompts are chunked, on what else is in a batch, on how the
/// layers are cut into stages, or on the instruction set: all give the same bits.
///
/// Not thread-safe and not `Sendable`: it belongs to one compute thread, which may hand it over while no step runs. A step
/// allocates nothing but the array of hidden states that it returns.
public final class StageExecutor {
    /// The model.
    public let model: ModelFile
    /// The layers of this stage.
    public let layers: LayerRange
    /// Most rows of one step.
    public let maxRows: Int
    /// Keys and values; sequences are opened, closed, exported and imported here.
    public let cache: KVCache
    /// Bytes of the weights that this stage holds, without embedding rows, which stay in the mapped file.
    public var weightBytes: Int { weights.bytes }
    /// Bytes of memory for intermediate results.
    public var scratchBytes: Int { buffers.bytes }

    private let pool: ComputePool
    private let weights: StageWeights
    private let buffers: StageBuffers
    private let dims: KernelDimensions
    /// Rows of the last step, whose hidden states are still there.
    private var stepRows = 0

    /// Loads the weights of `layers` and prepares memory for steps.
    ///
    /// - Parameters:
    ///   - model: The model file.
    ///   - layers: A range inside the model's layers, not empty.
    ///   - threads: Compute threads, the calling thread included.
    ///   - kvBudgetBytes: Most bytes of the KV cache.
    ///   - maxRows: Most rows of one step.
    ///   - kvType: How keys and values are kept; `nil`: as the model was opened.
    ///   - store: Layers of this model that other executors of the thread hold; these are shared.
    public convenience init(
        model: ModelFile, layers: LayerRange, threads: Int, kvBudgetBytes: Int, maxRows: Int, kvType: KVType? = nil,
        store: WeightStore = WeightStore()
    ) throws {
        try self.init(
            model: model, layers: layers, threads: threads, kvBudgetBytes: kvBudgetBytes, maxRows: maxRows,
            kvType: kvType, withHead: layers.end == model.configuration.layers, store: store)
    }

    /// The same, with the choice to leave the head away where only layers are measured.
    init(
        model: ModelFile, layers: LayerRange, threads: Int, kvBudgetBytes: Int, maxRows: Int, kvType: KVType? = nil,
        withHead: Bool, store: WeightStore = WeightStore()
    ) throws {
        let configuration = model.configuration.keeping(kvType ?? model.configuration.kvType)
        guard !layers.isEmpty, layers.start >= 0, layers.end <= configuration.layers else {
            throw InferenceError(
                .invalidInput, "a stage of layers \(layers) does not fit a model of \(configuration.layers) layers")
        }
        guard (1...1 << 16).contains(maxRows) else {
            throw InferenceError(.invalidInput, "a step of \(maxRows) rows is not possible (1...65536 are)")
        }
        self.model = model
        self.layers = layers
        self.maxRows = maxRows
        pool = try ComputePool(threads: threads)
        cache = try KVCache(
            layers: layers, shape: configuration.kvShape, budgetBytes: kvBudgetBytes,
            windows: layers.range.map { configuration.window(of: $0) })
        let dims = try KernelDimensions(
            configuration, ropeFactors: try model.ropeFactors(),
            maxPositions: min(configuration.contextLength, cache.capacityTokens))
        self.dims = dims
        buffers = try StageBuffers(
            dims: dims, layers: layers.count, maxRows: maxRows, threads: threads, blocks: cache.blockCapacity)
        weights = try StageWeights(
            model: model, layers: layers, withEmbedding: layers.start == 0, withHead: withHead, pool: pool,
            layout: cache.layout, store: store)
    }

    /// Whether this stage takes token ids.
    public var isFirst: Bool { layers.start == 0 }
    /// Whether this stage computes logits.
    public var isLast: Bool { layers.end == model.configuration.layers }

    /// Opens a sequence; see `KVCache.open`.
    public func open(_ sequence: RequestID, reservedTokens: Int = 0, prefix: SequencePrefix? = nil) throws {
        try cache.open(sequence, reservedTokens: reservedTokens, prefix: prefix)
    }

    /// Closes a sequence and frees its KV cache; says whether it was open.
    @discardableResult
    public func close(_ sequence: RequestID, keeping: [KVBlockRun] = []) -> Bool {
        cache.close(sequence, keeping: keeping)
    }

    /// Runs the layers over a batch and adds its keys and values to the cache.
    ///
    /// - Throws: `InferenceError` where the batch does not fit (rows, positions, token ids, sizes) or KV blocks are missing;
    ///   no sequence has advanced then.
    public func step(_ batch: StageBatch) throws -> StageOutput {
        try run(batch)
        let hidden = model.configuration.hidden
        guard isLast else {
            let bytes = unsafe UnsafeRawBufferPointer(start: buffers.hidden, count: batch.rows * hidden * 4)
            return unsafe .hidden([UInt8](bytes))
        }
        let wanted = batch.entries.indices.flatMap { Array(repeating: $0, count: batch.entries[$0].logitRows) }
        try computeLogits(batch, wanted: wanted)
        return .logits(entries: wanted)
    }

    /// Computes the logits of other rows of the last step; they take the place of those that it computed.
    ///
    /// - Throws: `InferenceError` where this is no last stage, or the last step had no such rows.
    public func computeLogits(rows: Range<Int>) throws {
        guard let head = weights.head, rows.lowerBound >= 0, rows.upperBound <= stepRows, !rows.isEmpty else {
            throw InferenceError(.invalidInput, "the last step had \(stepRows) rows, not \(rows)")
        }
        buffers.logitRows = 0
        let logits = unsafe try buffers.prepareLogits(rows: rows.count, vocabulary: model.configuration.vocabulary)
        let wanted = rows.map { Int32($0) }
        let status = unsafe withUnsafePointer(to: head.matrix) { matrix in
            unsafe e2_head_forward(
                pool.pointer, head.norm, model.configuration.normEpsilon, matrix, buffers.hidden, wanted,
                Int32(wanted.count), logits, buffers.scratch)
        }
        try KernelFailure.check(status, "the LM head")
        buffers.logitRows = rows.count
    }

    /// Reads the logits that the last step computed for the `index`-th of the rows that it named.
    ///
    /// - Throws: `InferenceError` where the last step computed no such logits; what `body` throws.
    public func withLogits<Result>(_ index: Int, _ body: (Span<Float>) throws -> Result) throws -> Result {
        guard index >= 0, index < buffers.logitRows else {
            throw InferenceError(
                .invalidInput, "the last step computed \(buffers.logitRows) rows of logits, not \(index + 1)")
        }
        return try buffers.withLogits(row: index, body)
    }

    private func run(_ batch: StageBatch) throws {
        buffers.logitRows = 0
        stepRows = 0
        try BatchCheck(configuration: model.configuration, cache: cache, maxRows: maxRows, isFirst: isFirst).check(
            batch)
        for entry in batch.entries {
            try cache.reserve(entry.sequence, tokens: entry.startPosition + entry.rows)
        }
        try fillHidden(batch.input)
        let segments = unsafe buffers.prepare(batch.entries, cache: cache)
        var kernelBatch = unsafe e2_batch()
        unsafe kernelBatch.rows = Int32(batch.rows)
        unsafe kernelBatch.segment_count = Int32(batch.entries.count)
        unsafe kernelBatch.segments = unsafe UnsafePointer(segments)
        unsafe kernelBatch.hidden = unsafe buffers.hidden
        let status = unsafe dims.withPointer { dims in
            unsafe e2_layers_forward(
                pool.pointer, dims, weights.layers, Int32(layers.count), &kernelBatch, buffers.scratch)
        }
        try KernelFailure.check(status, "layers \(layers)")
        for entry in batch.entries { cache.advance(entry.sequence, by: entry.rows) }
        stepRows = batch.rows
    }

    private func fillHidden(_ input: StageInput) throws {
        switch input {
        case .tokens(let tokens):
            let width = model.configuration.hidden
            for (row, token) in tokens.enumerated() {
                unsafe try weights.writeEmbedding(of: token, to: buffers.hidden + row * width)
            }
        case .hidden(let bytes):
            unsafe bytes.withUnsafeBytes { source in
                unsafe UnsafeMutableRawBufferPointer(start: buffers.hidden, count: bytes.count).copyMemory(from: source)
            }
        }
    }

    private func computeLogits(_ batch: StageBatch, wanted: [Int]) throws {
        guard !wanted.isEmpty, let head = weights.head else { return }
        let logits = unsafe try buffers.prepareLogits(rows: wanted.count, vocabulary: model.configuration.vocabulary)
        var row = 0
        var lastRows: [Int32] = []
        lastRows.reserveCapacity(wanted.count)
        for entry in batch.entries {
            row += entry.rows
            for wanted in row - entry.logitRows..<row { lastRows.append(Int32(wanted)) }
        }
        let status = unsafe withUnsafePointer(to: head.matrix) { matrix in
            unsafe e2_head_forward(
                pool.pointer, head.norm, model.configuration.normEpsilon, matrix, buffers.hidden, lastRows,
                Int32(lastRows.count), logits, buffers.scratch)
        }
        try KernelFailure.check(status, "the LM head")
        buffers.logitRows = wanted.count
    }
}
