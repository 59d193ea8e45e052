import Domain
import Scheduling
import Testing

/// Small deterministic generator for schedules.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

private func take(_ driver: inout StageDriver) throws -> (step: Step, instructions: [DriverInstruction]) {
    let next = driver.nextStep()
    return try #require(next)
}

private func rests(_ driver: inout StageDriver) -> Bool { driver.nextStep() == nil }

@Suite struct StageDriverTests {
    private func plan(_ name: String, _ tokens: Int, prefill: Bool = true, decode: Bool = true) -> SequencePlan {
        SequencePlan(request: RequestID(name), tokenCount: tokens, prefillsHere: prefill, decodesHere: decode)
    }

    @Test func chunksAPromptUnderTheTokenBudget() throws {
        var driver = StageDriver(policy: BatchPolicy(maxBatchedTokens: 10, maxSequences: 4), stageCount: 1)
        _ = driver.open(plan("a", 25, decode: false))
        var starts: [Int] = []
        while let (step, _) = driver.nextStep() {
            #expect(step.rows <= 10)
            starts.append(step.parts[0].start)
            let sampled = step.parts[0].sample ? [StepResult(request: "a", token: 7)] : []
            let after = driver.stepDone(step.number, results: sampled)
            if !sampled.isEmpty { #expect(after == [.prefillFinished("a"), .close("a")]) }
        }
        #expect(starts == [0, 10, 20])
        #expect(driver.requests.isEmpty)
    }

    @Test func severalPromptsShareAStep() throws {
        var driver = StageDriver(policy: BatchPolicy(maxBatchedTokens: 64, maxSequences: 4), stageCount: 1)
        _ = driver.open(plan("a", 20))
        _ = driver.open(plan("b", 20))
        _ = driver.open(plan("c", 40))
        let (step, instructions) = try take(&driver)
        #expect(step.parts.map(\.request) == ["a", "b", "c"])
        #expect(step.parts.map(\.count) == [20, 20, 24])
        #expect(step.parts.map(\.sample) == [true, true, false])
        #expect(instructions == [.prefillStarted("a"), .prefillStarted("b"), .prefillStarted("c")])
    }

    /// Four sequences, room for two in a step: the others wait until one ends, and those that run are in every step.
    @Test func sequencesBeyondTheLimitWait() throws {
        var driver = StageDriver(policy: BatchPolicy(maxBatchedTokens: 64, maxSequences: 2), stageCount: 1)
        for name in ["a", "b", "c", "d"] { _ = driver.open(plan(name, 5)) }
        let (prompts, _) = try take(&driver)
        _ = driver.stepDone(prompts.number, results: prompts.parts.map { StepResult(request: $0.request, token: 1) })
        for round in 0..<3 {
            let (step, _) = try take(&driver)
            #expect(step.parts.map(\.request.rawValue).sorted() == ["a", "b"])
            let results = step.parts.map { part in
                StepResult(
                    request: part.request, token: 1, finishReason: round == 2 && part.request == "a" ? .stop : nil)
            }
            _ = driver.stepDone(step.number, results: results)
        }
        let (step, _) = try take(&driver)
        #expect(step.parts.map(\.request.rawValue).sorted() == ["b", "c"])
    }

    @Test func shorterPromptsGoFirstButOvertakeOnlySoOften() throws {
        var driver = StageDriver(policy: BatchPolicy(maxBatchedTokens: 100, maxSequences: 4), stageCount: 1)
        _ = driver.open(plan("begun", 150))
        let (first, _) = try take(&driver)
        _ = driver.stepDone(first.number, results: [])
        _ = driver.open(plan("long", 100))
        for index in 0..<10 { _ = driver.open(plan("short\(index)", 50)) }
        var order: [String] = []
        while let (step, _) = driver.nextStep() {
            order += step.parts.filter(\.sample).map(\.request.rawValue)
            for part in step.parts where part.sample { _ = driver.cancel(part.request) }
            _ = driver.stepDone(step.number, results: [])
        }
        let shorts = (0..<10).map { "short\($0)" }
        #expect(order == ["begun"] + shorts.prefix(8) + ["long"] + shorts.suffix(2))
    }

    /// A plan says into how many steps sequences are divided; fewer sequences are not divided further.
    @Test func sequencesAreDividedAsPlanned() throws {
        var driver = StageDriver(
            policy: BatchPolicy(),
            replica: replica(stages: 2, concurrency: 4, microBatches: 1, mixedChunkTokens: nil))
        for name in ["a", "b"] {
            _ = driver.open(plan(name, 5, prefill: false))
            for stage in 0..<2 { _ = driver.kvComplete(RequestID(name), stage: stage) }
            _ = driver.firstToken(RequestID(name), token: 1, finishReason: nil)
        }
        let (both, _) = try take(&driver)
        #expect(both.decodeRows == 2)
        _ = driver.open(plan("c", 5, prefill: false))
        for stage in 0..<2 { _ = driver.kvComplete("c", stage: stage) }
        _ = driver.firstToken("c", token: 1, finishReason: nil)
        #expect(rests(&driver), "one that joins waits for those that are on their way")
        _ = driver.stepDone(both.number, results: both.parts.map { StepResult(request: $0.request, token: 1) })
        let (three, _) = try take(&driver)
        #expect(three.decodeRows == 3)
        driver.adopt(BatchPolicy(), replica(stages: 2, concurrency: 4, microBatches: 2, mixedChunkTokens: nil))
        _ = driver.stepDone(three.number, results: three.parts.map { StepResult(request: $0.request, token: 1) })
        let (half, _) = try take(&driver)
        #expect(half.decodeRows == 2, "another plan of the same stages is followed from the next step on")
    }

    @Test func promptsAreCutShortWhileSequencesDecode() throws {
        var driver = StageDriver(
            policy: BatchPolicy(maxBatchedTokens: 64, maxSequences: 4),
            replica: replica(stages: 1, concurrency: 4, microBatches: 1, mixedChunkTokens: 16))
        _ = driver.open(plan("a", 64))
        let (alone, _) = try take(&driver)
        #expect(alone.promptRows == 64, "nobody waits")
        _ = driver.stepDone(alone.number, results: [StepResult(request: "a", token: 1)])
        _ = driver.open(plan("b", 40))
        let (beside, _) = try take(&driver)
        #expect((beside.promptRows, beside.decodeRows) == (16, 1))
        _ = driver.open(plan("c", 40))
        _ = driver.stepDone(beside.number, results: [StepResult(request: "a", token: 2)])
        let (queued, _) = try take(&driver)
        #expect((queued.promptRows, queued.decodeRows) == (32, 1), "longer chunks where prompts queue")
    }

    private func replica(
        stages: Int, concurrency: Int, microBatches: Int?, mixedChunkTokens: Int?
    ) -> PlanReplica {
        PlanReplica(
            id: "mixed-1", role: .mixed,
            stages: (0..<stages).map { PlanStage(device: DeviceID("d\($0)"), layers: LayerRange($0, $0 + 1)) },
            decodeConcurrency: concurrency, microBatches: microBatches, mixedChunkTokens: mixedChunkTokens,
            kvCapacityTokens: 4096, predictedRequestsPerSecond: 1, predictedTokenGapSeconds: 0.1)
    }

    @Test func aTransferredSequenceRunsOnlyWithTokenAndKVOfEveryStage() throws {
        var driver = StageDriver(policy: BatchPolicy(), stageCount: 2)
        _ = driver.open(plan("a", 5, prefill: false))
        #expect(rests(&driver))
        #expect(driver.kvComplete("a", stage: 1).isEmpty)
        #expect(driver.kvComplete("a", stage: 1).isEmpty)
        #expect(driver.firstToken("a", token: 9, finishReason: nil).isEmpty)
        #expect(rests(&driver))
        #expect(driver.kvComplete("a", stage: 0) == [.kvComplete("a")])
        let (step, instructions) = try take(&driver)
        #expect(step.parts == [StepPart(request: "a", start: 5, count: 1, sample: true, inputToken: 9)])
        #expect(instructions == [.decodeStarted("a")])
        #expect(rests(&driver), "a sequence is in one step at a time")
        #expect(driver.stepDone(step.number, results: [StepResult(request: "a", token: 3)]).isEmpty)
        let (second, _) = try take(&driver)
        #expect(second.parts == [StepPart(request: "a", start: 6, count: 1, sample: true, inputToken: 3)])
        let end = driver.stepDone(
            second.number, results: [StepResult(request: "a", token: 0, finishReason: .stop)])
        #expect(end == [.close("a"), .finished("a", .stop)])
    }

    @Test func aFirstTokenThatEndsTheSequenceClosesIt() {
        var driver = StageDriver(policy: BatchPolicy(), stageCount: 1)
        _ = driver.open(plan("a", 5, prefill: false))
        #expect(driver.firstToken("a", token: 9, finishReason: .length) == [.close("a"), .finished("a", .length)])
        #expect(driver.kvComplete("a", stage: 0).isEmpty)
        #expect(driver.requests.isEmpty)
    }

    @Test func twoStagesWorkOnTwoMicroBatches() throws {
        var driver = StageDriver(policy: BatchPolicy(), stageCount: 2)
        for name in ["a", "b", "c", "d"] {
            _ = driver.open(plan(name, 3, prefill: false))
            _ = driver.kvComplete(RequestID(name), stage: 0)
            _ = driver.kvComplete(RequestID(name), stage: 1)
            _ = driver.firstToken(RequestID(name), token: 1, finishReason: nil)
        }
        let first = try take(&driver).step
        let second = try take(&driver).step
        #expect(first.parts.map(\.request) == ["a", "b"])
        #expect(second.parts.map(\.request) == ["c", "d"])
        #expect(rests(&driver))
    }

    @Test(arguments: 1...40) func everySequenceEndsOnceWithItsTokens(seed: Int) throws {
        var random = SplitMix(state: UInt64(seed))
        let stages = Int.random(in: 1...3, using: &random)
        var driver = StageDriver(
            policy: BatchPolicy(
                maxBatchedTokens: Int.random(in: 1...48, using: &random),
                maxSequences: Int.random(in: 1...5, using: &random)),
            stageCount: stages)
        var wanted: [RequestID: Int] = [:]
        var produced: [RequestID: Int] = [:]
        var position: [RequestID: Int] = [:]
        var ended: [RequestID: FinishReason] = [:]
        var closed: Set<RequestID> = []
        var flying: [Step] = []
        var toOpen = (0..<12).map { RequestID("r\($0)") }
        var cancelled: Set<RequestID> = []

        func note(_ instructions: [DriverInstruction]) {
            for instruction in instructions {
                switch instruction {
                case .close(let request): #expect(closed.insert(request).inserted)
                case .finished(let request, let reason):
                    #expect(ended[request] == nil)
                    ended[request] = reason
                default: break
                }
            }
        }
        var rounds = 0
        while !toOpen.isEmpty || !driver.requests.isEmpty || !flying.isEmpty {
            rounds += 1
            try #require(rounds < 100_000)
            switch Int.random(in: 0..<10, using: &random) {
            case 0 where !toOpen.isEmpty:
                let request = toOpen.removeFirst()
                let tokens = Int.random(in: 1...60, using: &random)
                let here = Bool.random(using: &random)
                wanted[request] = Int.random(in: 1...9, using: &random)
                position[request] = here ? 0 : tokens
                // Messages of the stages travel on different connections, so they come in any order.
                var arrivals: [(inout StageDriver) -> [DriverInstruction]] = [
                    {
                        $0.open(
                            SequencePlan(request: request, tokenCount: tokens, prefillsHere: here, decodesHere: true))
                    }
                ]
                if !here {
                    for stage in 0..<stages { arrivals.append { $0.kvComplete(request, stage: stage) } }
                    produced[request] = 1
                    let over = wanted[request] == 1
                    arrivals.append { $0.firstToken(request, token: 5, finishReason: over ? .length : nil) }
                }
                for arrival in arrivals.shuffled(using: &random) { note(arrival(&driver)) }
            case 1:
                if let victim = driver.requests.randomElement(using: &random),
                    Int.random(in: 0..<8, using: &random) == 0
                {
                    cancelled.insert(victim)
                    note(driver.cancel(victim))
                }
            case 2...5:
                if let (step, _) = driver.nextStep() {
                    #expect(Set(step.parts.map(\.request)).count == step.parts.count)
                    #expect(step.rows <= driver.policy.maxBatchedTokens)
                    #expect(driver.stepsInFlight <= stages + 1)
                    for part in step.parts {
                        #expect(part.start == position[part.request], "rows follow each other")
                        position[part.request, default: 0] += part.count
                    }
                    flying.append(step)
                }
            default:
                guard !flying.isEmpty else { continue }
                let step = flying.removeFirst()
                let results = step.parts.filter(\.sample).map { part -> StepResult in
                    if driver.contains(part.request) { produced[part.request, default: 0] += 1 }
                    let over = produced[part.request] == wanted[part.request]
                    return StepResult(request: part.request, token: 5, finishReason: over ? .length : nil)
                }
                note(driver.stepDone(step.number, results: results))
            }
        }
        for (request, count) in wanted {
            if cancelled.contains(request) {
                #expect(ended[request] == .abort)
            } else {
                #expect(ended[request] == .length)
                #expect(produced[request] == count)
            }
            #expect(closed.contains(request))
        }
    }
}

@Suite struct KVArrivalTests {
    @Test func completeWhenEveryLayerHasEveryPosition() throws {
        var arrival = KVArrival(layers: LayerRange(4, 8), total: 10)
        #expect(try arrival.accept(layers: LayerRange(4, 6), start: 0, count: 6, total: 10))
        #expect(try arrival.accept(layers: LayerRange(6, 8), start: 0, count: 10, total: 10))
        #expect(!arrival.isComplete)
        #expect(try arrival.accept(layers: LayerRange(4, 6), start: 6, count: 4, total: 10))
        #expect(arrival.isComplete)
        #expect(try !arrival.accept(layers: LayerRange(4, 6), start: 6, count: 4, total: 10), "repeated")
    }

    @Test func refusesWhatDoesNotFit() {
        var arrival = KVArrival(layers: LayerRange(4, 8), total: 10)
        #expect(throws: KVArrival.Refusal.foreignLayers) {
            try arrival.accept(layers: LayerRange(3, 5), start: 0, count: 1, total: 10)
        }
        #expect(throws: KVArrival.Refusal.outOfOrder) {
            try arrival.accept(layers: LayerRange(4, 5), start: 2, count: 1, total: 10)
        }
        #expect(throws: KVArrival.Refusal.outOfOrder) {
            try arrival.accept(layers: LayerRange(4, 5), start: 0, count: 11, total: 10)
        }
        #expect(throws: KVArrival.Refusal.differentTotal) {
            try arrival.accept(layers: LayerRange(4, 5), start: 0, count: 1, total: 11)
        }
        #expect(throws: KVArrival.Refusal.outOfOrder) {
            try arrival.accept(layers: LayerRange(4, 5), start: Int.max, count: 2, total: 10)
        }
    }
}
