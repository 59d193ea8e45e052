internal import Domain
internal import Foundation

/// Measures how well a model predicts a text, by the definition of llama.cpp's perplexity tool, so that figures compare.
///
/// The tokens are cut into chunks of `context`; what is left at the end is not used. Each chunk is a sequence of its own,
/// whose first token is replaced by BOS where the model adds one. Of a chunk's positions, those from `context / 2` on are
/// scored, except the last one, which has nothing to predict. Perplexity is the exponential of the mean negative log
/// likelihood of the tokens after them.
///
/// Source: https://github.com/ggml-org/llama.cpp/blob/master/tools/perplexity/README.md
public struct Perplexity: Sendable, Hashable {
    /// Tokens of a chunk.
    public var context: Int
    /// Most chunks to use, from the start; `nil` uses all.
    public var chunks: Int?
    /// Compute threads.
    public var threads: Int
    /// Chunks that are computed together.
    public var batch: Int

    /// A scored position.
    public struct Row: Sendable, Hashable {
        /// The chunk.
        public var chunk: Int
        /// The position in the chunk.
        public var position: Int

        /// Names a position.
        public init(chunk: Int, position: Int) {
            self.chunk = chunk
            self.position = position
        }
    }

    /// Makes a measurement.
    public init(threads: Int, context: Int = 512, chunks: Int? = nil, batch: Int = 16) {
        self.threads = threads
        self.context = context
        self.chunks = chunks
        self.batch = batch
    }

    /// The scored positions of each chunk.
    public var scoredPositions: Range<Int> { context / 2..<context - 1 }

    /// The tokens of each chunk, as the model sees them.
    ///
    /// - Throws: `InferenceError` where the options make no sense or the text is too short for one chunk.
    public func sequences(tokens: [Int32], beginToken: Int32?, model: ModelConfiguration) throws -> [[Int32]] {
        guard context >= 4, context <= model.contextLength else {
            throw InferenceError(
                .invalidInput, "the context must be 4 to \(model.contextLength) tokens for this model, not \(context)")
        }
        guard chunks ?? 1 >= 1 else {
            throw InferenceError(.invalidInput, "the number of chunks must be at least 1, not \(chunks ?? 1)")
        }
        guard tokens.count >= context else {
            throw InferenceError(
                .invalidInput,
                "the text has \(tokens.count) tokens, fewer than one chunk of \(context): give a longer text or a smaller context"
            )
        }
        let count = min(tokens.count / context, chunks ?? Int.max)
        return (0..<count).map { chunk in
            var part = Array(tokens[chunk * context..<(chunk + 1) * context])
            if let beginToken { part[0] = beginToken }
            return part
        }
    }

    /// Scores sequences that `sequences(tokens:beginToken:model:)` made.
    ///
    /// - Parameters:
    ///   - model: The model file.
    ///   - sequences: The chunks.
    ///   - onRow: Called with the logits of every scored position; the order is not that of the text.
    /// - Throws: `InferenceError` where memory is missing or logits are not finite; what `onRow` throws.
    public func run(
        model: ModelFile, sequences: [[Int32]], onRow: (Row, Span<Float>) throws -> Void = { _, _ in }
    ) throws -> PerplexityFigures {
        guard batch >= 1, batch <= 256, (1...256).contains(threads) else {
            throw InferenceError(.invalidInput, "threads and chunks at a time must be 1 to 256")
        }
        let clock = BenchmarkClock(repetitions: 1)
        let layers = LayerRange(0, model.configuration.layers)
        let together = min(batch, max(sequences.count, 1))
        let executor = try StageExecutor(
            model: model, layers: layers, threads: threads,
            kvBudgetBytes: KVCache.bytes(tokens: context, layers: layers, shape: model.configuration.kvShape)
                * together, maxRows: 512)
        var score = TokenScore()
        let (_, seconds) = try clock.once {
            for start in stride(from: 0, to: sequences.count, by: together) {
                let group = start..<min(start + together, sequences.count)
                try run(group, of: sequences, on: executor, score: &score, onRow: onRow)
            }
        }
        return PerplexityFigures(
            perplexity: exp(score.mean), nll: score.mean, standardError: score.standardErrorOfMean * exp(score.mean),
            tokens: score.count, chunks: sequences.count, context: context, seconds: seconds)
    }

    /// Chunks side by side: first what comes before the scored positions, then one position of each per step, because a
    /// step gives the logits of the last row of each sequence only. How rows are arranged does not change the logits.
    private func run(
        _ group: Range<Int>, of sequences: [[Int32]], on executor: StageExecutor, score: inout TokenScore,
        onRow: (Row, Span<Float>) throws -> Void
    ) throws {
        let names = group.map { RequestID("chunk-\($0)") }
        defer { for name in names { executor.close(name) } }
        for (name, chunk) in zip(names, group) {
            try executor.open(name, reservedTokens: context)
            for start in stride(from: 0, to: scoredPositions.lowerBound, by: executor.maxRows) {
                let end = min(start + executor.maxRows, scoredPositions.lowerBound)
                let entry = StageEntry(sequence: name, startPosition: start, rows: end - start, wantsLogits: false)
                _ = try executor.step(
                    StageBatch(entries: [entry], input: .tokens(Array(sequences[chunk][start..<end]))))
            }
        }
        for position in scoredPositions {
            let entries = names.map {
                StageEntry(sequence: $0, startPosition: position, rows: 1, wantsLogits: true)
            }
            _ = try executor.step(
                StageBatch(entries: entries, input: .tokens(group.map { sequences[$0][position] })))
            for (index, chunk) in group.enumerated() {
                try executor.withLogits(index) { logits in
                    try score.add(logits, next: sequences[chunk][position + 1])
                    try onRow(Row(chunk: chunk, position: position), logits)
                }
            }
        }
    }
}
