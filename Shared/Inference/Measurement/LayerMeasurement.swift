internal import Domain

/// Prefill and decode times of the first layers of a model.
struct LayerMeasurement {
    private let executor: StageExecutor
    private let clock: MeasurementClock
    private let plan: SelfMeasurement

    /// Loads so many layers, with a KV cache of `kvTokens` tokens.
    init(
        model: ModelFile, layers: Int, kvTokens: Int, maxRows: Int, plan: SelfMeasurement, clock: MeasurementClock
    ) throws {
        let range = LayerRange(0, layers)
        executor = try StageExecutor(
            model: model, layers: range, threads: plan.threads,
            kvBudgetBytes: KVCache.bytes(tokens: kvTokens, layers: range, shape: model.configuration.kvShape),
            maxRows: maxRows, withHead: false)
        self.clock = clock
        self.plan = plan
    }

    private var layerCount: Double { Double(executor.layers.count) }

    /// Times of prompt chunks, shortest first; those that would take longer than the time that is left are left out.
    static func prefill(_ model: ModelFile, plan: SelfMeasurement, layers: Int, clock: MeasurementClock) throws
        -> [PrefillSample]
    {
        let prompts = plan.prefillTokens.filter { (1...model.configuration.contextLength).contains($0) }.sorted()
        var samples: [PrefillSample] = []
        // Weights that come from memory delay short chunks; long ones compute for much longer than reading takes, and the
        // time of many layers would be wasted on them.
        let short = prompts.filter { $0 <= plan.shortestLongPrompt }
        for (part, count) in [(short, layers), (Array(prompts.dropFirst(short.count)), plan.leastLayers(of: model))] {
            guard let longest = part.last else { continue }
            let measurement = try LayerMeasurement(
                model: model, layers: count, kvTokens: longest, maxRows: longest, plan: plan, clock: clock)
            for tokens in part {
                if let last = samples.last {
                    let expected = last.secondsPerLayer * Double(count * tokens) / Double(last.tokens)
                    guard clock.allows(expected * plan.computeShare) else { return samples }
                }
                samples.append(try measurement.prefill(tokens))
            }
        }
        return samples
    }

    private func prefill(_ tokens: Int) throws -> PrefillSample {
        let sequence: RequestID = "prefill"
        let seconds = try clock.median(partOfBudget: plan.part) {
            try executor.open(sequence)
            defer { executor.close(sequence) }
            try forward([StageEntry(sequence: sequence, startPosition: 0, rows: tokens, wantsLogits: false)])
        }
        return PrefillSample(tokens: tokens, secondsPerLayer: seconds / layerCount)
    }

    /// Times of decode steps. Steps whose KV cache does not fit into `kvBytes` are left out, those of one sequence with
    /// its shortest context never; where time is short, those that come last are.
    static func decode(
        _ model: ModelFile, plan: SelfMeasurement, layers: Int, kvBytes: Int, clock: MeasurementClock
    ) throws -> [DecodeSample] {
        let longest = model.configuration.contextLength - plan.repetitions - 2
        let contexts = plan.decodeContexts.filter { (1...max(longest, 1)).contains($0) }.sorted()
        let batches = plan.decodeBatches.filter { $0 > 0 }.sorted()
        let range = LayerRange(0, layers)
        func tokens(_ point: DecodePoint) -> Int {
            point.batch * (KVBlockLayout.blocks(forPositions: point.context + plan.repetitions + 2) * 32)
        }
        let points = DecodePoint.inOrder(batches: batches, contexts: contexts)
        let fitting = points.filter { point in
            KVCache.bytes(tokens: tokens(point), layers: range, shape: model.configuration.kvShape) <= kvBytes
        }
        let measured = fitting.isEmpty ? Array(points.prefix(1)) : fitting
        guard let room = measured.map(tokens).max(), let widest = measured.map(\.batch).max() else { return [] }
        let measurement = try LayerMeasurement(
            model: model, layers: layers, kvTokens: room, maxRows: widest, plan: plan, clock: clock)
        var samples: [DecodeSample] = []
        for point in measured {
            if let first = samples.first {
                guard clock.allows(first.secondsPerLayer * measurement.layerCount * plan.computeShare) else { break }
            }
            samples.append(try measurement.decode(point))
        }
        return samples.sorted { ($0.batch, $0.context) < ($1.batch, $1.context) }
    }

    /// What a cache holds does not change how long a step takes, but that it holds something does: the system has one page
    /// of zeros for all memory that was never written, which would be read from the nearest cache.
    private func decode(_ point: DecodePoint) throws -> DecodeSample {
        let names = (0..<point.batch).map { RequestID("decode-\($0)") }
        defer { for name in names { executor.close(name) } }
        for name in names {
            try executor.open(name, reservedTokens: point.context + plan.repetitions + 2)
            executor.cache.fill(name)
            executor.cache.advance(name, by: point.context)
        }
        let seconds = try clock.median(partOfBudget: plan.part) {
            try forward(
                names.map { name in
                    StageEntry(
                        sequence: name, startPosition: executor.cache.length(of: name) ?? 0, rows: 1, wantsLogits: false
                    )
                })
        }
        return DecodeSample(batch: point.batch, context: point.context, secondsPerLayer: seconds / layerCount)
    }

    private func forward(_ entries: [StageEntry]) throws {
        let rows = entries.reduce(0) { $0 + $1.rows }
        let vocabulary = executor.model.configuration.vocabulary
        let tokens = (0..<rows).map { Int32(($0 * 31 + 7) % vocabulary) }
        _ = try executor.step(StageBatch(entries: entries, input: .tokens(tokens)))
    }
}

/// A decode step that is measured.
struct DecodePoint: Sendable, Hashable {
    var batch: Int
    /// Tokens that each sequence has in its KV cache.
    var context: Int

    /// All steps, those first that say most: the smallest and the largest batch with short contexts, then their longest
    /// ones, then what lies between.
    static func inOrder(batches: [Int], contexts: [Int]) -> [DecodePoint] {
        func ends(_ values: [Int]) -> [Int] {
            guard let first = values.first, let last = values.last, values.count > 1 else { return values }
            return [first, last] + values.dropFirst().dropLast()
        }
        let outer = Set(ends(batches).prefix(2))
        let points = ends(contexts).flatMap { context in
            ends(batches).map { DecodePoint(batch: $0, context: context) }
        }
        return points.filter { outer.contains($0.batch) } + points.filter { !outer.contains($0.batch) }
    }
}
