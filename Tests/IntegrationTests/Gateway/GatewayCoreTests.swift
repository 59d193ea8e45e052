import Domain
import Protocol
import Testing

@testable import Gateway

struct GatewayCoreTests {
    private static let route = Route(
        prefillReplica: nil, prefill: [], decodeReplica: "r0", decode: [], gateway: "tcp://gateway")
    private let lostError = Fault("replica_lost", "gone", isRetriable: true)

    static func state(ready: Bool = true, model: ModelDigest = "digest") -> SchedulerState {
        SchedulerState(
            ready: ready, reason: ready ? "" : "preparing",
            plan: PlacementPlan(
                id: "p1", model: model, fleetVersion: 1, workload: WorkloadStatistics(), replicas: [],
                predictedRequestsPerSecond: 1, objective: 0, algorithm: "test"), replicas: [], waiting: 0, running: 0,
            workload: WorkloadStatistics())
    }

    private func core(_ limits: GatewayLimits = GatewayLimits()) -> GatewayCore {
        var core = GatewayCore(model: "digest", limits: limits, metrics: GatewayMetrics())
        _ = core.handle(.schedulerState(Self.state(), session: "s1"), at: 0)
        return core
    }

    private func stream(maxTokens: Int = 50) -> SequenceStream {
        SequenceStream(
            SequenceDemand(
                prompt: [1, 2, 3], sampling: SamplingParameters(seed: 7),
                stop: StopConditions(maxTokens: maxTokens, stopTokens: [256])), text: ByteText())
    }

    private func accepted() -> RequestAccepted {
        RequestAccepted(plan: "p1", route: Self.route, queueMilliseconds: 5, estimatedFirstTokenMilliseconds: 10)
    }

    /// Opens one sequence and returns its first submission.
    private func open(_ core: inout GatewayCore, at now: Double = 0) throws -> Submission {
        let instructions = core.handle(.opened(["a": stream()]), at: now)
        guard case .submit(let submission)? = instructions.first else {
            throw Unexpected(what: "\(instructions)")
        }
        return submission
    }

    private func submissions(_ instructions: [GatewayInstruction]) -> [Submission] {
        instructions.compactMap { if case .submit(let submission) = $0 { submission } else { nil } }
    }

    @Test func aSequenceRunsToItsEnd() throws {
        var core = core()
        let submission = try open(&core)
        #expect(submission.tokens == [1, 2, 3])
        #expect(submission.generatedTokens == 0)
        #expect(
            core.handle(.accepted("a", submission: 1, accepted()), at: 0.1) == [.deliver("a", .accepted(plan: "p1"))])
        #expect(core.handle(.tokens("a", index: 0, [104], nil), at: 0.2) == [.deliver("a", .text("h", tokens: 1))])
        let last = core.handle(.tokens("a", index: 1, [105, 256], .stop), at: 0.3)
        #expect(last.count == 2)
        #expect(last.first == .deliver("a", .text("i", tokens: 2)))
        guard case .deliver("a", .ended(.stop, .token(256), let times))? = last.last else {
            Issue.record("\(last)")
            return
        }
        #expect(times.outputTokens == 3)
        #expect(times.firstToken == 0.2)
        #expect(times.queueMilliseconds == 5)
        #expect(times.plan == "p1")
        #expect(core.count == 0)
    }

    /// What was cached comes with the first token, counts once, and is in usage, timings and metrics.
    @Test func cachedTokensAreCounted() throws {
        let metrics = GatewayMetrics()
        var core = GatewayCore(model: "digest", metrics: metrics)
        _ = core.handle(.schedulerState(Self.state(), session: "s1"), at: 0)
        var demand = SequenceDemand(
            prompt: [1, 2, 3], sampling: SamplingParameters(seed: 7),
            stop: StopConditions(maxTokens: 2, stopTokens: [256]))
        demand.cacheSalt = "team"
        let opened = core.handle(.opened(["a": SequenceStream(demand, text: ByteText())]), at: 0)
        #expect(submissions(opened).first?.cacheSalt == "team")
        _ = core.handle(.accepted("a", submission: 1, accepted()), at: 0.1)
        _ = core.handle(.tokens("a", index: 0, [104], nil, cached: 2), at: 0.2)
        // A continued sequence may find more of what it had computed itself.
        let last = core.handle(.tokens("a", index: 1, [105], .length, cached: 4), at: 0.3)
        guard case .deliver("a", .ended(.length, _, let times))? = last.last else {
            Issue.record("\(last)")
            return
        }
        #expect(times.cachedTokens == 2)
        var usage = Usage(promptTokens: 3)
        #expect(usage.json["prompt_tokens_details"]?["cached_tokens"] == .integer(0))
        usage.times = [times]
        #expect(usage.json["prompt_tokens_details"]?["cached_tokens"] == .integer(2))
        #expect(usage.timings["timings"]?["cache_n"] == .integer(2))
        #expect(usage.timings["timings"]?["prompt_n"] == .integer(1))
        var choices = Usage(promptTokens: 3, choices: 2)
        choices.times = [times, times]
        #expect(choices.json["prompt_tokens_details"]?["cached_tokens"] == .integer(2))
        let text = metrics.text(model: "m", cacheUsage: nil)
        #expect(text.contains("vllm:prefix_cache_queries_total{engine=\"0\",model_name=\"m\"} 3\n"))
        #expect(text.contains("vllm:prefix_cache_hits_total{engine=\"0\",model_name=\"m\"} 2\n"))
    }

    @Test func momentsOfStagesAreKept() throws {
        var core = core()
        _ = try open(&core, at: 1)
        #expect(core.handle(.moment("a", .prefillStarted), at: 1.1).isEmpty)
        _ = core.handle(.accepted("a", submission: 1, accepted()), at: 1.2)
        _ = core.handle(.tokens("a", index: 0, [104], nil), at: 1.3)
        _ = core.handle(.moment("a", .kvComplete), at: 1.4)
        _ = core.handle(.moment("a", .decodeStarted), at: 1.5)
        // Continued elsewhere: its first moments stay, its KV cache is waited for again.
        let again = try #require(submissions(core.handle(.lost("a", lostError), at: 2)).first)
        _ = core.handle(.moment("a", .kvComplete), at: 2.1)
        _ = core.handle(.moment(again.id, .prefillStarted), at: 2.2)
        _ = core.handle(.moment(again.id, .kvComplete), at: 2.3)
        _ = core.handle(.moment(again.id, .decodeStarted), at: 2.4)
        _ = core.handle(.moment("nobody", .decodeStarted), at: 2.4)
        let last = core.handle(.tokens(again.id, index: 1, [256], .stop), at: 3)
        guard case .deliver("a", .ended(.stop, _, let times))? = last.last else {
            Issue.record("\(last)")
            return
        }
        #expect(times.prefillStarted == 1.1 && times.decodeStarted == 1.5 && times.kvComplete == 2.3)
        #expect(times.prefillReplica == "r0" && times.decodeReplica == "r0")
        var usage = Usage(promptTokens: 3)
        usage.times = [times]
        let told = usage.timings["e2llm"]
        #expect(told?["prefill_replica"] == "r0" && told?["decode_replica"] == "r0" && told?["migrations"] == 1)
        let expected = [
            "prefill_started_ms": 100.0, "ttft_ms": 300, "decode_started_ms": 500, "kv_complete_ms": 1300,
            "end_ms": 2000,
        ]
        for (name, milliseconds) in expected {
            #expect(((told?[name]?.double ?? -1) - milliseconds).magnitude < 1e-6, "\(name)")
        }
    }

    @Test func aLostSequenceGoesOnWithPromptAndOutput() throws {
        var core = core()
        _ = try open(&core)
        _ = core.handle(.accepted("a", submission: 1, accepted()), at: 0.1)
        _ = core.handle(.tokens("a", index: 0, [104, 101], nil), at: 0.2)
        let instructions = core.handle(.lost("a", lostError), at: 0.3)
        #expect(instructions.first == .cancel("a"))
        let again = try #require(submissions(instructions).first)
        #expect(again.id != "a")
        #expect(again.tokens == [1, 2, 3, 104, 101])
        #expect(again.generatedTokens == 2)
        #expect(again.sampling.seed == 7)
        #expect(again.stop.maxTokens == 50)
        // The old route is heard no more, the new one continues the text; what overlaps is dropped.
        #expect(core.handle(.tokens("a", index: 2, [120], nil), at: 0.35).isEmpty)
        _ = core.handle(.accepted(again.id, submission: again.number, accepted()), at: 0.4)
        #expect(
            core.handle(.tokens(again.id, index: 1, [101, 121], nil), at: 0.5) == [
                .deliver("a", .text("y", tokens: 1))
            ])
    }

    @Test func continuationsPauseAndEndAfterAWhile() throws {
        var core = core()
        _ = try open(&core)
        _ = core.handle(.accepted("a", submission: 1, accepted()), at: 0)
        var pending = submissions(core.handle(.lost("a", lostError), at: 1))
        var now = 1.0
        var attempts = 0
        var failure: GatewayInstruction?
        while failure == nil, now < 200 {
            _ = core.handle(.schedulerState(Self.state(), session: "s1"), at: now)
            for submission in pending {
                attempts += 1
                let refusal = Fault("unavailable", "no replica", isRetriable: true)
                let answer = core.handle(
                    .refused(submission.id, submission: submission.number, refusal), at: now)
                failure = answer.first { if case .deliver(_, .failed) = $0 { true } else { false } } ?? failure
            }
            now += 0.25
            let instructions = core.handle(.tick, at: now)
            failure = instructions.first { if case .deliver(_, .failed) = $0 { true } else { false } } ?? failure
            pending = submissions(instructions)
        }
        #expect(failure != nil)
        #expect(now > 55 && now < 70)
        #expect(attempts > 5 && attempts < 40)
        #expect(core.count == 0)
    }

    @Test func whatIsNotRetriableFails() throws {
        var core = core()
        _ = try open(&core)
        _ = core.handle(.accepted("a", submission: 1, accepted()), at: 0)
        let error = Fault("invalid_request", "no", isRetriable: false)
        #expect(core.handle(.lost("a", error), at: 1) == [.deliver("a", .failed(error))])
    }

    @Test func aGapAndAWorkersFaultAreContinued() throws {
        var core = core()
        _ = try open(&core)
        _ = core.handle(.accepted("a", submission: 1, accepted()), at: 0)
        let afterGap = submissions(core.handle(.tokens("a", index: 3, [97], nil), at: 1))
        let second = try #require(afterGap.first)
        #expect(second.generatedTokens == 0)
        let afterFault = core.handle(.tokens(second.id, index: 0, [97], .error), at: 2)
        #expect(afterFault.first == .deliver("a", .text("a", tokens: 1)))
        #expect(submissions(afterFault).first?.generatedTokens == 1)
    }

    /// A sequence that yields its KV cache has not failed: it goes on at once, and as often as need be.
    @Test func preemptionsAreNoFailures() throws {
        var core = core()
        var wire = try open(&core).id
        let fault = Fault(Fault.preemptedCode, "needed by older ones", isRetriable: true)
        for round in 1...40 {
            _ = core.handle(.accepted(wire, submission: round, accepted()), at: Double(10 * round))
            let again = core.handle(.lost(wire, fault), at: Double(10 * round))
            wire = try #require(submissions(again).first).id
        }
    }

    @Test func aFirstRefusalIsTheAnswer() throws {
        var core = core()
        _ = try open(&core)
        let error = Fault("overloaded", "full", isRetriable: true)
        #expect(core.handle(.refused("a", submission: 1, error), at: 1) == [.deliver("a", .failed(error))])
        #expect(core.handle(.refused("a", submission: 1, error), at: 1).isEmpty)
    }

    @Test func aClientThatLeavesCancels() throws {
        var core = core()
        _ = try open(&core)
        #expect(core.handle(.abandoned("a"), at: 1) == [.cancel("a")])
        #expect(core.handle(.abandoned("a"), at: 1).isEmpty)
        #expect(core.handle(.tokens("a", index: 0, [97], nil), at: 1).isEmpty)
    }

    @Test func aStopStringCancelsTheWorkers() {
        var core = core()
        let demand = SequenceDemand(
            prompt: [1], sampling: SamplingParameters(), stop: StopConditions(maxTokens: 9), stopStrings: ["b"])
        _ = core.handle(.opened(["a": SequenceStream(demand, text: ByteText())]), at: 0)
        _ = core.handle(.accepted("a", submission: 1, accepted()), at: 0)
        #expect(core.handle(.tokens("a", index: 0, [98], nil), at: 1).last == .cancel("a"))
    }

    @Test func aRestartedSchedulerGetsWhatItHadNotAnswered() throws {
        var core = core()
        let first = try open(&core)
        _ = core.handle(.opened(["b": stream()]), at: 0)
        _ = core.handle(.accepted("b", submission: 1, accepted()), at: 0)
        let again = submissions(core.handle(.schedulerHeard(session: "s2"), at: 1))
        #expect(again.map(\.id) == [first.id])
        #expect(again.map(\.number) == [2])
        // The answer to the first submission can only be a late timeout.
        let error = Fault("timed_out", "late", isRetriable: true)
        #expect(core.handle(.refused("a", submission: 1, error), at: 2).isEmpty)
    }

    @Test func newRequestsNeedAReadyScheduler() {
        func refusal(_ core: inout GatewayCore, at now: Double) -> String? {
            guard case .deliver(_, .failed(let error))? = core.handle(.opened(["x": stream()]), at: now).first else {
                return nil
            }
            return error.code
        }
        var silent = core()
        #expect(refusal(&silent, at: 5.5) == nil, "it served, and is likely to be back soon")
        #expect(refusal(&silent, at: 6.5) == "unavailable")
        var restarted = core()
        _ = restarted.handle(.schedulerState(Self.state(ready: false), session: "s2"), at: 2)
        #expect(refusal(&restarted, at: 2) == nil, "the new process is still asking the workers")
        #expect(refusal(&restarted, at: 6.5) == "unavailable")
        var unknown = GatewayCore(model: "digest", metrics: GatewayMetrics())
        #expect(refusal(&unknown, at: 0) == "unavailable")
        var loading = core()
        _ = loading.handle(.schedulerState(Self.state(ready: false), session: "s1"), at: 1)
        #expect(refusal(&loading, at: 1) == "unavailable")
        var other = core()
        _ = other.handle(.schedulerState(Self.state(model: "other"), session: "s1"), at: 1)
        #expect(refusal(&other, at: 1) == "unavailable")
        var full = core(GatewayLimits(sequences: 0))
        #expect(refusal(&full, at: 1) == "overloaded")
        var fine = core()
        #expect(refusal(&fine, at: 1) == nil)
    }

    @Test func heartbeatsListWhatIsWaitedFor() throws {
        var core = core()
        _ = try open(&core)
        #expect(core.handle(.tick, at: 0.1).contains(.heartbeat(["a"])))
        #expect(core.handle(.tick, at: 0.5).isEmpty)
        _ = core.handle(.abandoned("a"), at: 0.6)
        #expect(core.handle(.tick, at: 1.2).contains(.heartbeat([])))
    }

    @Test func aStalledSequenceIsContinued() throws {
        var core = core(GatewayLimits(stall: 10))
        _ = try open(&core)
        _ = core.handle(.accepted("a", submission: 1, accepted()), at: 0)
        #expect(submissions(core.handle(.tick, at: 9)).isEmpty)
        #expect(submissions(core.handle(.tick, at: 11)).count == 1)
    }

    @Test func stoppingFailsWhatRuns() throws {
        var core = core()
        _ = try open(&core)
        let instructions = core.handle(.stopping, at: 1)
        #expect(instructions.contains(.cancel("a")))
        #expect(core.count == 0)
        guard case .deliver(_, .failed)? = core.handle(.opened(["b": stream()]), at: 1).first else {
            Issue.record("a stopping gateway took a request")
            return
        }
    }

    /// Under any order of events every sequence ends at most once, and never speaks afterwards.
    @Test(arguments: 0..<50) func everySequenceEndsOnce(seed: UInt64) {
        var random = SeededRandom(state: seed)
        var core = core()
        var ended: Set<RequestID> = []
        var wires: [RequestID] = []
        var now = 0.0
        var opened = 0
        for _ in 0..<400 {
            now += Double.random(in: 0...0.5, using: &random)
            let wire = wires.randomElement(using: &random) ?? "none"
            let submission = Int.random(in: 1...3, using: &random)
            let event: GatewayEvent
            switch Int.random(in: 0..<9, using: &random) {
            case 0:
                opened += 1
                event = .opened([RequestID("q\(opened)"): stream(maxTokens: 6)])
            case 1: event = .accepted(wire, submission: submission, accepted())
            case 2: event = .refused(wire, submission: submission, lostError)
            case 3, 4:
                let tokens = (0..<Int.random(in: 0...3, using: &random)).map { _ in Int32(97) }
                let reasons: [FinishReason?] = [nil, nil, .stop, .error]
                event = .tokens(
                    wire, index: Int.random(in: 0...5, using: &random), tokens,
                    reasons.randomElement(using: &random) ?? nil)
            case 5: event = .lost(wire, lostError)
            case 6: event = .schedulerState(Self.state(), session: "s\(Int.random(in: 1...2, using: &random))")
            case 7 where opened > 0: event = .abandoned(RequestID("q\(Int.random(in: 1...opened, using: &random))"))
            default: event = .tick
            }
            if case .abandoned(let id) = event { ended.insert(id) }
            for instruction in core.handle(event, at: now) {
                switch instruction {
                case .submit(let submission): wires.append(submission.id)
                case .deliver(let id, let output):
                    #expect(!ended.contains(id))
                    switch output {
                    case .ended, .failed: ended.insert(id)
                    case .accepted, .text, .prompt: break
                    }
                case .cancel, .heartbeat: break
                }
            }
        }
        #expect(core.count == opened - ended.count, "what has not ended is still known, and nothing else")
    }
}

/// What a test did not expect.
struct Unexpected: Error, CustomStringConvertible {
    let what: String
    var description: String { what }
}
