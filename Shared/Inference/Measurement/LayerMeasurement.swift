internal import Domain

/// Prefill and decode times of the first layers of a model.
struct LayerMeasurement {
    private let executor: StageExecutor
    private let plan: SelfMeasurement
    private let clock: MeasurementClock
    private let contexts: [Int]
    private let prompts: [Int]

    init(model: ModelFile, plan: SelfMeasurement, clock: MeasurementClock) throws {
        let sizes = model.configuration
        let layers = LayerRange(0, min(max(plan.layers, 1), sizes.layers))
        // A decode step needs room for the repetitions after its context.
        let longest = sizes.contextLength - plan.repetitions - 2
        contexts = plan.decodeContexts.filter { (1...max(longest, 1)).contains($0) }
        prompts = plan.prefillTokens.filter { (1...sizes.contextLength).contains($0) }
        let batch = max(plan.decodeBatches.max() ?? 1, 1)
        let tokens = max(batch * ((contexts.max() ?? 1) + plan.repetitions + 34), prompts.max() ?? 1)
        executor = try StageExecutor(
            model: model, layers: layers, threads: plan.threads,
            kvBudgetBytes: KVCache.bytes(
                tokens: tokens + 32 * batch, layers: layers, shape: sizes.kvShape),
            maxRows: max(prompts.max() ?? 1, batch), withHead: false)
        self.plan = plan
        self.clock = clock
    }

    private var part: Double { 1 / Double(max(plan.points, 1)) }
    private var layerCount: Double { Double(executor.layers.count) }

    func prefill() throws -> [PrefillSample] {
        try prompts.sorted().map { count in
            let sequence: RequestID = "prefill"
            let seconds = try clock.median(partOfBudget: part) {
                try executor.open(sequence)
                defer { executor.close(sequence) }
                try forward([StageEntry(sequence: sequence, startPosition: 0, rows: count, wantsLogits: false)])
            }
            return PrefillSample(tokens: count, secondsPerLayer: seconds / layerCount)
        }
    }

    func decode() throws -> [DecodeSample] {
        var samples: [DecodeSample] = []
        for batch in plan.decodeBatches where batch > 0 {
            for context in contexts {
                let seconds = try decodeSeconds(batch: batch, context: context)
                samples.append(
                    DecodeSample(batch: batch, context: context, secondsPerLayer: seconds / layerCount))
            }
        }
        return samples
    }

    /// What a cache holds does not change how long a step takes: the contexts are taken as they are in fresh blocks.
    private func decodeSeconds(batch: Int, context: Int) throws -> Double {
        let names = (0..<batch).map { RequestID("decode-\($0)") }
        defer { for name in names { executor.close(name) } }
        for name in names {
            try executor.open(name, reservedTokens: context + plan.repetitions + 2)
            executor.cache.advance(name, by: context)
        }
        return try clock.median(partOfBudget: part) {
            try forward(
                names.map { name in
                    StageEntry(
                        sequence: name, startPosition: executor.cache.length(of: name) ?? 0, rows: 1, wantsLogits: false
                    )
                })
        }
    }

    private func forward(_ entries: [StageEntry]) throws {
        let rows = entries.reduce(0) { $0 + $1.rows }
        let vocabulary = executor.model.configuration.vocabulary
        let tokens = (0..<rows).map { Int32(($0 * 31 + 7) % vocabulary) }
        _ = try executor.step(StageBatch(entries: entries, input: .tokens(tokens)))
    }
}
