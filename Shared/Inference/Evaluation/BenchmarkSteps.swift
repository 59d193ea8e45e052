internal import Domain

/// What decode steps of one batch took.
struct DecodeTime {
    var batch: Int
    var context: Int
    var steps: Int
    /// Of all steps.
    var seconds: Double
}

/// The steps that a benchmark times, on the whole model.
struct BenchmarkSteps {
    let executor: StageExecutor
    let clock: BenchmarkClock
    let seed: UInt64

    static let warmUpSteps = 2

    /// Seconds of a prompt; one repetition more warms up.
    func prefill(tokens count: Int) throws -> Double {
        let sequence: RequestID = "prefill"
        func once() throws {
            try executor.open(sequence)
            defer { executor.close(sequence) }
            try feed(count, to: sequence, wantsLogits: true)
        }
        try once()
        return try clock.median { try once() }
    }

    /// Seconds of decode steps. All sequences hold the same keys and values, computed once and copied.
    func decode(batch: Int, context: Int, steps: Int) throws -> DecodeTime {
        let names = (0..<batch).map { RequestID("decode-\($0)") }
        defer { for name in names { executor.close(name) } }
        for name in names { try executor.open(name) }
        try feed(context, to: names[0], wantsLogits: false)
        let cache = executor.cache
        if batch > 1 {
            let bytes = try cache.exportKV(names[0], layers: executor.layers, positions: 0..<context)
            for name in names.dropFirst() {
                try cache.importKV(name, layers: executor.layers, positions: 0..<context, bytes: bytes)
            }
        }
        let restore = { for name in names { try cache.truncate(name, to: context) } }
        try generate(Self.warmUpSteps, names, from: context)
        try restore()
        let seconds = try clock.median({ try generate(steps, names, from: context) }, restore: restore)
        return DecodeTime(batch: batch, context: context, steps: steps, seconds: seconds)
    }

    private func feed(_ count: Int, to sequence: RequestID, wantsLogits: Bool) throws {
        for start in stride(from: 0, to: count, by: executor.maxRows) {
            let end = min(start + executor.maxRows, count)
            let entry = StageEntry(
                sequence: sequence, startPosition: start, rows: end - start, wantsLogits: wantsLogits && end == count)
            _ = try executor.step(StageBatch(entries: [entry], input: .tokens(tokens(end - start, from: start))))
        }
    }

    private func generate(_ steps: Int, _ names: [RequestID], from context: Int) throws {
        for step in 0..<steps {
            let entries = names.map {
                StageEntry(sequence: $0, startPosition: context + step, rows: 1, wantsLogits: true)
            }
            _ = try executor.step(
                StageBatch(entries: entries, input: .tokens(tokens(names.count, from: (context + step) * 1000))))
        }
    }

    private func tokens(_ count: Int, from start: Int) -> [Int32] {
        let vocabulary = UInt64(executor.model.configuration.vocabulary)
        return (start..<start + count).map {
            Int32(CounterRandom.bits(seed: seed, counter: UInt64($0)) % vocabulary)
        }
    }
}
