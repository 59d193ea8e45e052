internal import Domain

/// Times of the final norm, the LM head and greedy sampling. Between two tokens the layers are computed, so the head's
/// weights come from memory every time.
struct HeadMeasurement {
    private let head: HeadExecutor
    private let plan: SelfMeasurement
    private let clock: MeasurementClock
    private let flush: CacheFlush

    init(model: ModelFile, plan: SelfMeasurement, cacheBytes: Int, memoryBytes: Int, clock: MeasurementClock) throws {
        head = try HeadExecutor(model: model, threads: plan.threads, maxRows: max(plan.headRows.max() ?? 1, 1))
        self.plan = plan
        self.clock = clock
        flush = try CacheFlush(cacheBytes: cacheBytes, memoryBytes: memoryBytes)
    }

    func run() throws -> [HeadSample] {
        var sampler = Sampler()
        return try plan.headRows.filter { $0 > 0 }.sorted().map { rows in
            let seconds = try clock.median(partOfBudget: plan.part, before: flush.run) {
                try head.run(rows: rows) { logits in
                    // The time counts, whatever the weights are.
                    _ = try? sampler.sample(
                        logits: logits, parameters: SamplingParameters(temperature: 0), history: TokenHistory(),
                        position: 0)
                }
            }
            return HeadSample(rows: rows, seconds: seconds)
        }
    }
}
