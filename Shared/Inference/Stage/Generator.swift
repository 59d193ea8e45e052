public import Domain

/// What one process generated for a prompt.
public struct GeneratedTokens: Sendable, Hashable {
    /// The new tokens, a stop token at the end included.
    public var tokens: [Int32]
    /// Why generation ended.
    public var finishReason: FinishReason

    /// Makes a result.
    public init(tokens: [Int32], finishReason: FinishReason) {
        self.tokens = tokens
        self.finishReason = finishReason
    }
}

/// Generates tokens with the whole model in one process: the reference that distributed generation must equal.
///
/// Not thread-safe; blocks the calling thread while it computes.
public final class Generator {
    private let executor: StageExecutor
    private var sampler = Sampler()
    private var next = 0

    /// Loads the whole model.
    ///
    /// - Parameters:
    ///   - model: The model file.
    ///   - threads: Compute threads.
    ///   - contextTokens: Positions that prompt and output may take together; the model's context where it is shorter.
    ///   - maxRows: Prompt tokens that one step processes.
    public init(model: ModelFile, threads: Int, contextTokens: Int, maxRows: Int = 512) throws {
        let sizes = model.configuration
        let layers = LayerRange(0, sizes.layers)
        executor = try StageExecutor(
            model: model, layers: layers, threads: threads,
            kvBudgetBytes: KVCache.bytes(
                tokens: min(max(contextTokens, 1), sizes.contextLength), layers: layers, shape: sizes.kvShape),
            maxRows: maxRows)
    }

    /// Positions that prompt and output may take together.
    public var contextTokens: Int { min(executor.cache.capacityTokens, executor.model.configuration.contextLength) }

    /// Processes a prompt and generates until a stop condition, the end of the context, or `onToken` returns `false`.
    ///
    /// - Parameters:
    ///   - prompt: At least one token, fewer than `contextTokens`.
    ///   - sampling: How to choose.
    ///   - stop: When to end.
    ///   - onToken: Called with every new token; returning `false` aborts.
    /// - Throws: `invalidInput`; `notFinite` where the model computes no numbers; what `onToken` throws.
    public func generate(
        prompt: [Int32], sampling: SamplingParameters, stop: StopConditions,
        onToken: (SampledToken) throws -> Bool = { _ in true }
    ) throws -> GeneratedTokens {
        guard !prompt.isEmpty else { throw InferenceError(.invalidInput, "the prompt has no tokens") }
        guard prompt.count < contextTokens else {
            throw InferenceError(
                .invalidInput, "the prompt has \(prompt.count) tokens, the context holds \(contextTokens)")
        }
        let sequence = RequestID("generate-\(next)")
        next += 1
        try executor.open(sequence)
        defer { executor.close(sequence) }
        try prefill(prompt, sequence)

        var history = TokenHistory(prompt: prompt)
        var tokens: [Int32] = []
        while true {
            let position = prompt.count + tokens.count
            let sampled = try executor.withLogits(0) { logits in
                try sampler.sample(logits: logits, parameters: sampling, history: history, position: position)
            }
            tokens.append(sampled.token)
            history.append(sampled.token)
            guard try onToken(sampled) else { return GeneratedTokens(tokens: tokens, finishReason: .abort) }
            let reason = StopRule.finishReason(
                after: sampled.token, generated: tokens.count, position: position, contextTokens: contextTokens,
                conditions: stop)
            if let reason { return GeneratedTokens(tokens: tokens, finishReason: reason) }
            try forward([sampled.token], sequence, start: position, wantsLogits: true)
        }
    }

    private func prefill(_ prompt: [Int32], _ sequence: RequestID) throws {
        for start in stride(from: 0, to: prompt.count, by: executor.maxRows) {
            let end = min(start + executor.maxRows, prompt.count)
            try forward(Array(prompt[start..<end]), sequence, start: start, wantsLogits: end == prompt.count)
        }
    }

    private func forward(_ tokens: [Int32], _ sequence: RequestID, start: Int, wantsLogits: Bool) throws {
        let entry = StageEntry(
            sequence: sequence, startPosition: start, rows: tokens.count, wantsLogits: wantsLogits)
        _ = try executor.step(StageBatch(entries: [entry], input: .tokens(tokens)))
    }
}
