import Domain
import Scheduling
import Testing

/// Admission, queueing, routing and ends of requests.
@Suite struct RequestTests {
    @Test func aRequestHoldsItsReservationUntilItEnds() {
        var world = SchedulerWorld.serving(Sample.split)
        world.submit("r1", prompt: 64, max: 100)
        #expect(world.started.first?.reservedTokens == 164)
        #expect(world.started.first?.maxTokens == 100)
        #expect(world.started.first?.route.prefill.map(\.endpoint) == ["tcp://a/prefill"])
        #expect(world.started.first?.route.decode.map(\.endpoint) == ["tcp://b/decode", "tcp://c/decode"])
        #expect(world.load("d")?.kvReservedTokens == 164)
        #expect(world.load("p")?.kvReservedTokens == 64, "a prefill replica holds the prompt")
        world.report("r1", .prefillFinished, by: .prefill("a"))
        world.report("r1", .kvComplete, by: .decode("b"))
        #expect(world.load("p")?.kvReservedTokens == 0)
        world.finish("r1", on: .decode("b"))
        #expect(world.load("d")?.kvReservedTokens == 0)
        #expect(world.snapshot().running == 0)
    }

    @Test func gatewaysHearOfRequestsThatGoOn() {
        var world = SchedulerWorld.serving(Sample.split)
        world.submit("r1", prompt: 64, max: 100)
        world.report("r1", .prefillStarted, by: .prefill("a"))
        world.report("r1", .prefillFinished, by: .prefill("a"), generated: 1)
        world.report("r1", .kvComplete, by: .decode("b"))
        world.report("r1", .decodeStarted, by: .decode("b"), generated: 1)
        world.report("unknown", .prefillStarted, by: .prefill("a"))
        world.finish("r1", on: .decode("b"))
        world.report("r1", .decodeStarted, by: .decode("b"))
        #expect(world.relayed.map(\.event.moment) == [.prefillStarted, .prefillFinished, .kvComplete, .decodeStarted])
        #expect(world.relayed.allSatisfy { $0.request == "r1" })
    }

    @Test func outputIsCutToTheContext() {
        var world = SchedulerWorld.serving(Sample.split)
        world.submit("r1", prompt: 1000, max: 5000)
        #expect(world.started.first?.reservedTokens == 1024)
        #expect(world.started.first?.maxTokens == 24)
        world.submit("r2", prompt: 1020, generated: 500, max: 5000)
        #expect(world.refused["r2"] == nil)
    }

    @Test func anImpossiblePromptIsRefused() {
        var world = SchedulerWorld.serving(Sample.split)
        world.submit("r1", prompt: 1024)
        #expect(world.refused["r1"]?.code == "context_length_exceeded")
        #expect(world.refused["r1"]?.isRetriable == false)
        world.submit("r2", prompt: 0)
        world.submit("r3", prompt: 10, generated: 11)
        world.submit("r4", prompt: 10, generated: 5, max: 5)
        world.submit("r5", prompt: .max, max: .max)
        world.submit("r6", prompt: 10, max: .max)
        world.submit("r7", prompt: 10, generated: .min, max: .max)
        for id in ["r2", "r3", "r4", "r5", "r7"] as [RequestID] {
            #expect(world.refused[id]?.code == "invalid_request", "\(id)")
        }
        #expect(world.started.isEmpty)
        #expect(world.allStarted.map(\.request) == ["r6"])
    }

    @Test func smallRequestsPassOneThatHasNoRoomButNotForEver() {
        var world = SchedulerWorld.serving(Sample.split)
        for index in 0..<3 { world.submit(RequestID("r\(index)"), prompt: 48, max: 900) }
        #expect(world.allStarted.map(\.request) == ["r0", "r1"], "the third has no room")
        for index in 0..<12 {
            world.submit(RequestID("small\(index)"), prompt: 33, max: 10)
            world.finish(RequestID("small\(index)"), on: .decode("b"))
        }
        let passed = world.allStarted.map(\.request.rawValue).filter { $0.hasPrefix("small") }
        #expect(passed == (0..<8).map { "small\($0)" }, "in their order, and only so many")
        #expect(world.snapshot().waiting == 5)
        world.finish("r0", on: .decode("b"))
        #expect(world.started.map(\.request).first == "r2")
    }

    @Test func promptsAreRoutedWhenTheyAreWanted() {
        var world = SchedulerWorld.serving(Sample.split)
        for index in 0..<4 { world.submit(RequestID("r\(index)"), prompt: 400, max: 10) }
        #expect(world.allStarted.map(\.request) == ["r0", "r1"], "one for the stage and one that waits")
        world.report("r0", .prefillFinished, by: .prefill("a"), generated: 1)
        #expect(world.allStarted.map(\.request) == ["r0", "r1", "r2"])
    }

    @Test func shortPromptsWaitBeforeLongOnes() {
        var world = SchedulerWorld.serving(Sample.split)
        for index in 0..<4 { world.submit(RequestID("long\(index)"), prompt: 400, max: 10) }
        world.submit("short", prompt: 300, max: 10)
        world.report("long0", .prefillFinished, by: .prefill("a"), generated: 1)
        #expect(world.allStarted.map(\.request).last == "short")
        world.report("long1", .prefillFinished, by: .prefill("a"), generated: 1)
        #expect(world.allStarted.map(\.request).last == "long2", "equal ones keep their order")
    }

    @Test func theQueueIsBounded() {
        var world = SchedulerWorld.serving(Sample.split) { $0.queueLimit = 2 }
        for index in 0..<5 { world.submit(RequestID("r\(index)"), prompt: 48, max: 900) }
        #expect(world.snapshot().waiting == 2)
        #expect(world.refused["r4"]?.code == "overloaded")
        #expect(world.refused["r4"]?.isRetriable == true)
    }

    @Test func patienceEnds() {
        var world = SchedulerWorld.serving(Sample.split)
        for index in 0..<2 { world.submit(RequestID("r\(index)"), prompt: 48, max: 900) }
        world.submit("r2", prompt: 48, max: 900, patience: 4)
        world.pass(5)
        #expect(world.refused["r2"]?.code == "overloaded")
    }

    @Test func cancellingWorksInEveryState() {
        var world = SchedulerWorld.serving(Sample.split)
        for index in 0..<3 { world.submit(RequestID("r\(index)"), prompt: 48, max: 900) }
        world.cancel("r2")
        #expect(world.refused["r2"]?.code == "cancelled")
        world.cancel("r0")
        #expect(world.cancels.map(\.1) == [.prefill("a"), .decode("b")])
        world.report("r1", .decodeStarted, by: .decode("b"))
        world.log = []
        world.cancel("r1")
        #expect(world.cancels.map(\.1) == [.decode("b")])
        world.cancel("unknown")
        #expect(world.snapshot().running == 0)
        #expect(world.load("d")?.kvReservedTokens == 0)
    }

    @Test func aCancelledRequestCountsUntilItsMemoryIsFree() {
        var world = SchedulerWorld.serving(Sample.split)
        for index in 0..<2 { world.submit(RequestID("r\(index)"), prompt: 48, max: 900) }
        world.workers[.decode("b")]?.held = [:]
        world.cancel("r0")
        world.submit("r2", prompt: 48, max: 900)
        #expect(world.snapshot().waiting == 1)
        world.report("r0", .finished(.abort), by: .decode("b"))
        #expect(world.started.map(\.request) == ["r2"])
    }

    @Test func requestsThatAGatewayNoLongerListsAreCancelled() {
        var world = SchedulerWorld.serving(Sample.split)
        world.submit("r1")
        world.submit("r2")
        world.wanted = ["r2"]
        world.pass(1)
        #expect(world.snapshot().running == 2, "one heartbeat may be older than the request")
        world.pass(2)
        #expect(world.snapshot().running == 1)
        #expect(world.cancels.allSatisfy { $0.0 == "r1" })
    }

    @Test func requestsOfALostGatewayAreCancelled() {
        var world = SchedulerWorld.serving(Sample.split)
        world.submit("r1")
        world.gatewayBeats = false
        world.pass(6)
        #expect(world.snapshot().running == 0)
        #expect(world.cancels.map(\.1) == [.prefill("a"), .decode("b")])
    }

    @Test func aGatewayLearnsOfRequestsThatNobodyKnows() {
        var world = SchedulerWorld.serving(Sample.split)
        world.wanted = ["ghost"]
        world.pass(5)
        #expect(world.lost == ["ghost"])
    }

    @Test func aSecondSubmissionIsConfirmedNotStarted() {
        var world = SchedulerWorld.serving(Sample.split)
        world.submit("r1")
        let routed = world.started.first
        world.submit("r1")
        #expect(world.started.isEmpty)
        #expect(routed.map { world.last.contains(.confirm($0)) } == true)
        world.submit("r1", prompt: 40, generated: 8)
        #expect(world.started.count == 1, "a continued request replaces the attempt that the gateway gave up")
        #expect(world.cancels.isEmpty == false)
    }

    @Test func eventsOfStrangersChangeNothing() {
        var world = SchedulerWorld.serving(Sample.split)
        world.submit("r1")
        world.report("r1", .finished(.stop), by: .prefill("c"))
        world.send(
            .requestEvent(WorkerAddress(.decode("b"), session: "forged"), RequestReport("r1", .finished(.stop))))
        #expect(world.snapshot().running == 1)
    }

    @Test func loadGoesToTheFasterDevice() {
        var world = SchedulerWorld.serving(Sample.mixed)
        world.send(.fleet(Sample.fleet(["a", "b", "c"], version: 9, speed: ["b": 4])))
        for index in 0..<6 { world.submit(RequestID("r\(index)"), prompt: 64, max: 50) }
        let counts = Dictionary(grouping: world.allStarted, by: \.route.decodeReplica).mapValues(\.count)
        #expect((counts["m1"] ?? 0) > (counts["m2"] ?? 0))
    }

    @Test(arguments: [RoutingPolicy.leastRequests, .roundRobin]) func otherPoliciesSpreadEvenly(_ policy: RoutingPolicy)
    {
        var world = SchedulerWorld.serving(Sample.mixed) { $0.policy = policy }
        world.send(.fleet(Sample.fleet(["a", "b", "c"], version: 9, speed: ["b": 4])))
        for index in 0..<6 { world.submit(RequestID("r\(index)"), prompt: 64, max: 50) }
        let counts = Dictionary(grouping: world.allStarted, by: \.route.decodeReplica).mapValues(\.count)
        #expect(counts == ["m1": 3, "m2": 3])
    }

    @Test func shortPromptsArePrefilledByTheDecoder() {
        var world = SchedulerWorld.serving(Sample.split)
        world.submit("short", prompt: 8, max: 10)
        #expect(world.started.first?.route.prefillReplica == nil)
        #expect(world.started.first?.first.key == .decode("b"))
        world.submit("long", prompt: 400, max: 10)
        #expect(world.started.first?.route.prefillReplica == "p")
        #expect(world.started.first?.first.key == .prefill("a"))
    }

    @Test func measuredSpeedCorrectsTheEstimates() {
        var world = SchedulerWorld.serving(Sample.mixed)
        func beat(_ device: DeviceID, _ secondsPerStep: Double) {
            var load = world.workers[.decode(device)]?.load ?? WorkerLoad()
            for _ in 0..<5 {
                load.counters.decodeSteps += 100
                load.counters.decodeRows += 100
                load.counters.decodeSeconds += 100 * secondsPerStep
                world.send(.workerHeartbeat(world.address(.decode(device)), load))
            }
            world.workers[.decode(device)]?.load = load
        }
        beat("a", 0.1)
        beat("b", 0.01)
        for index in 0..<4 { world.submit(RequestID("r\(index)"), prompt: 64, max: 50) }
        let counts = Dictionary(grouping: world.allStarted, by: \.route.decodeReplica).mapValues(\.count)
        #expect((counts["m2"] ?? 0) > (counts["m1"] ?? 0), "a turned out to be slow")
    }

    /// What has begun to be answered goes on before what has not, however long it has become.
    @Test func continuedRequestsGoFirst() throws {
        var world = SchedulerWorld.serving(Sample.mixed)
        for id in ["r1", "r2"] as [RequestID] { world.submit(id, max: 2000) }
        world.submit("new", max: 2000)
        world.submit("again", prompt: 900, generated: 500, max: 2000)
        #expect(world.allStarted.map(\.request) == ["r1", "r2"])
        let first = try #require(world.allStarted.first)
        world.finish("r1", on: .decode(first.route.decode[0].device))
        world.pass(0.25)
        #expect(world.allStarted.map(\.request) == ["r1", "r2", "again"])
    }
}
