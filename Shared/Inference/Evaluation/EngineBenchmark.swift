internal import Domain

/// Measures how fast the whole model runs in this process, without any service.
///
/// Prefill: the tokens of one sequence in steps of `stepTokens`; the LM head runs for the last of them only. Decode:
/// `batch` sequences that each hold `context` positions take steps of one token; the LM head is part of every step.
/// Tokens are random (by `seed`) and no token is chosen from the logits, so sampling is not part of the times.
public struct EngineBenchmark: Sendable, Hashable {
    /// Compute threads.
    public var threads: Int
    /// Tokens of the prompt; 0 measures no prefill.
    public var promptTokens: Int
    /// Steps of each decode measurement; 0 measures no decode.
    public var generatedTokens: Int
    /// Sequences that decode together, one measurement for each number.
    public var batches: [Int]
    /// Positions that each sequence holds before decode steps; `nil` is a short prompt of `shortContext` tokens.
    public var context: Int?
    /// Most rows of one step.
    public var stepTokens: Int
    /// How often each measurement is repeated after a warm-up; the median counts.
    public var repetitions: Int
    /// Whether the matrix product is measured on its own, at the shapes of the model.
    public var matrices: Bool
    /// Chooses the tokens.
    public var seed: UInt64

    /// The context of decode steps where none is asked for.
    public static let shortContext = 16

    /// Makes a benchmark.
    public init(
        threads: Int, promptTokens: Int = 512, generatedTokens: Int = 32, batches: [Int] = [1, 8, 16],
        context: Int? = nil, stepTokens: Int = 512, repetitions: Int = 3, matrices: Bool = false, seed: UInt64 = 1
    ) {
        self.threads = threads
        self.promptTokens = promptTokens
        self.generatedTokens = generatedTokens
        self.batches = batches
        self.context = context
        self.stepTokens = stepTokens
        self.repetitions = repetitions
        self.matrices = matrices
        self.seed = seed
    }

    /// Loads the model and measures; blocks the calling thread.
    ///
    /// - Parameters:
    ///   - model: The model file.
    ///   - loadSeconds: Seconds that opening the file took; added to those of loading the weights.
    /// - Throws: `InferenceError` where an option makes no sense for this model, or memory is missing.
    public func run(model: ModelFile, loadSeconds: Double = 0) throws -> EngineFigures {
        try check(model.configuration)
        let clock = BenchmarkClock(repetitions: repetitions)
        let (executor, seconds) = try clock.once { try makeExecutor(model) }
        let steps = BenchmarkSteps(executor: executor, clock: clock, seed: seed)
        let prefill = promptTokens > 0 ? try steps.prefill(tokens: promptTokens) : nil
        var decode: [DecodeTime] = []
        if generatedTokens > 0 {
            for batch in batches {
                decode.append(
                    try steps.decode(batch: batch, context: context ?? Self.shortContext, steps: generatedTokens))
            }
        }
        // The probes below take memory of their own.
        let peakMemory = ResidentMemory.peakBytes
        let limits = MachineLimits.measure(threads: threads, bytes: executor.weightBytes)
        var figures = EngineFigures(benchmark: self, executor: executor, limits: limits)
        figures.loadSeconds = loadSeconds + seconds
        figures.peakResidentBytes = peakMemory
        if let prefill { figures.add(prefillSeconds: prefill, model: model.description) }
        for time in decode { figures.add(time, executor: executor) }
        if matrices {
            figures.matrices = try MatrixBenchmark(model: model, threads: threads, peakGMACs: limits.peakGMACs).run()
        }
        return figures
    }

    private func makeExecutor(_ model: ModelFile) throws -> StageExecutor {
        let layers = LayerRange(0, model.configuration.layers)
        let shape = model.configuration.kvShape
        let decodeLength = (context ?? Self.shortContext) + max(generatedTokens, BenchmarkSteps.warmUpSteps)
        let decodeBatch = generatedTokens > 0 ? batches.max() ?? 1 : 1
        return try StageExecutor(
            model: model, layers: layers, threads: threads,
            kvBudgetBytes: max(
                KVCache.bytes(tokens: promptTokens, layers: layers, shape: shape),
                KVCache.bytes(tokens: decodeLength, layers: layers, shape: shape) * decodeBatch),
            maxRows: stepTokens)
    }

    private func check(_ sizes: ModelConfiguration) throws {
        func require(_ condition: Bool, _ message: @autoclosure () -> String) throws {
            guard condition else { throw InferenceError(.invalidInput, message()) }
        }
        try require((1...256).contains(threads), "threads must be 1 to 256, not \(threads)")
        try require((1...4096).contains(stepTokens), "a step must have 1 to 4096 rows, not \(stepTokens)")
        try require((1...1000).contains(repetitions), "repetitions must be 1 to 1000, not \(repetitions)")
        try require(
            (0...sizes.contextLength).contains(promptTokens),
            "a prompt of \(promptTokens) tokens does not fit the model's context of \(sizes.contextLength)")
        try require(generatedTokens >= 0, "the number of tokens to generate must not be negative: \(generatedTokens)")
        try require(
            promptTokens > 0 || generatedTokens > 0 || matrices,
            "nothing to measure: no prompt, no tokens to generate, no matrices")
        guard generatedTokens > 0 else { return }
        try require(!batches.isEmpty, "no batch to measure decode steps for")
        for batch in batches {
            try require(
                (1...stepTokens).contains(batch), "a batch must be 1 to \(stepTokens) (rows of a step), not \(batch)")
        }
        let context = context ?? Self.shortContext
        try require(context > 0, "the context of decode steps must be at least 1, not \(context)")
        try require(
            context <= sizes.contextLength && generatedTokens <= sizes.contextLength - context,
            "a context of \(context) and \(generatedTokens) generated tokens exceed the model's context of "
                + "\(sizes.contextLength)")
        try require(
            context + BenchmarkSteps.warmUpSteps <= sizes.contextLength,
            "a context of \(context) leaves no room for a step in the model's context of \(sizes.contextLength)")
    }
}
