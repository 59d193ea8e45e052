import Domain
import Scheduling
import Testing

/// The rule by itself.
@Suite("Load routing: rule") struct LoadRoutingRuleTests {
    private func load(
        _ role: ReplicaRole, capacity: Int = 1000, prompt: Int = 0, context: Int = 0, promptSeconds: Double = 0,
        decodeSeconds: Double = 0
    ) -> LoadRouting.Load {
        var load = LoadRouting.Load(role: role, capacityTokens: capacity)
        (load.promptTokens, load.contextTokens) = (prompt, context)
        (load.promptSeconds, load.decodeSeconds) = (promptSeconds, decodeSeconds)
        return load
    }

    private func places(_ measure: LoadRouting.Measure, _ loads: [LoadRouting.Load], kv: [Double] = []) -> [Int]? {
        LoadRouting(measure).choose(prompt: 100, total: 200, loads) { _, decode in kv.isEmpty ? 0 : kv[decode] }
            .map { [$0.prefill, $0.decode] }
    }

    @Test func eachPhaseGoesWhereLeastIs() {
        let loads = [
            load(.prefill, prompt: 300, promptSeconds: 1), load(.prefill, prompt: 200, promptSeconds: 2),
            load(.decode, context: 50, decodeSeconds: 9), load(.decode, context: 60, decodeSeconds: 3),
        ]
        #expect(places(.tokens, loads) == [1, 2])
        #expect(places(.backlog, loads) == [0, 3])
    }

    @Test func theTransferCountsInSecondsOnly() {
        let loads = [load(.prefill), load(.decode), load(.decode)]
        #expect(places(.backlog, loads, kv: [0, 5, 1]) == [0, 2])
        #expect(places(.tokens, loads, kv: [0, 5, 1]) == [0, 1])
    }

    @Test func oneForBothIsTakenWhereItHasNotMore() {
        let pair = [load(.prefill, prompt: 10), load(.decode, context: 20)]
        #expect(places(.tokens, pair + [load(.mixed, prompt: 10, context: 20)]) == [2, 2])
        #expect(places(.tokens, pair + [load(.mixed, prompt: 11, context: 20)]) == [0, 1])
    }

    @Test func whatCannotHoldItIsLeftOut() {
        #expect(places(.tokens, [load(.prefill, capacity: 99), load(.decode)]) == nil)
        #expect(places(.tokens, [load(.prefill, capacity: 100), load(.decode, capacity: 200)]) == [0, 1])
        #expect(places(.tokens, [load(.prefill), load(.decode, capacity: 199)]) == nil)
        #expect(places(.tokens, [load(.mixed, capacity: 199), load(.mixed, capacity: 200)]) == [1, 1])
    }
}

/// The scheduler under it.
@Suite("Load routing: scheduler") struct LoadRoutingTests {
    /// Two mixed replicas, the second one twice as slow.
    private func world(_ policy: RoutingPolicy) -> SchedulerWorld {
        var world = SchedulerWorld.serving(Sample.mixed) { $0.policy = policy }
        world.send(.fleet(Sample.fleet(["a", "b", "c"], version: 9, speed: ["b": 4])))
        return world
    }

    @Test func tokensAreCountedNotSeconds() {
        var world = world(.leastTokens)
        world.submit("long", prompt: 300, max: 20)
        for index in 1...4 { world.submit(RequestID("short-\(index)"), prompt: 100, max: 20) }
        // A request counts in both phases of a mixed replica: 600 tokens here, 200 each there.
        #expect(world.allStarted.map(\.route.decodeReplica) == ["m1", "m2", "m2", "m2", "m1"])
    }

    @Test func secondsFavourTheFasterReplica() {
        var world = world(.leastBacklog)
        for index in 0..<5 { world.submit(RequestID("r\(index)"), prompt: 100, max: 20) }
        let counts = Dictionary(grouping: world.allStarted, by: \.route.decodeReplica).mapValues(\.count)
        #expect((counts["m1"] ?? 0) >= 4, "b takes four times as long")
    }

    /// What it is bound to on arrival stays, also where another replica is free by then; its successors stay behind it.
    @Test func aRequestWaitsForTheReplicaThatItWasBoundTo() {
        var world = world(.leastTokens)
        // 2000 tokens of KV cache each.
        world.submit("a", prompt: 900, max: 900)
        world.submit("b", prompt: 950, max: 900)
        world.submit("c", prompt: 900, max: 900)
        world.submit("d", prompt: 60, max: 20)
        #expect(
            world.allStarted.map(\.request) == ["a", "b", "d"], "c waits for the replica of a, d goes to that of b")
        #expect(world.allStarted.map(\.route.decodeReplica) == ["m1", "m2", "m2"])
        world.finish("b", on: .decode("b"))
        #expect(world.allStarted.count == 3)
        world.finish("a", on: .decode("a"))
        #expect(world.allStarted.map(\.request) == ["a", "b", "d", "c"])
        #expect(world.allStarted.last?.route.decodeReplica == "m1")
    }

    @Test func bothReplicasOfASplitPlanAreUsed() {
        var world = SchedulerWorld.serving(Sample.split) { $0.policy = .leastTokens }
        world.submit("short", prompt: 8, max: 10)
        #expect(world.started.first?.route.prefillReplica == "p", "no prompt is prefilled by the decoder")
        #expect(world.started.first?.route.decodeReplica == "d")
    }

    @Test func whatIsLostIsBoundAnew() {
        var world = world(.leastTokens)
        world.submit("a", prompt: 900, max: 900)
        world.submit("b", prompt: 950, max: 900)
        world.submit("c", prompt: 900, max: 900)
        #expect(world.allStarted.count == 2)
        world.finish("b", on: .decode("b"))
        world.kill(.decode("a"))
        world.pass(4)
        #expect(world.allStarted.last?.request == "c")
        #expect(world.allStarted.last?.route.decodeReplica == "m2")
    }

    /// Shorter prompts go first under our policy; those of baselines keep their order.
    @Test(arguments: [(RoutingPolicy.estimatedWait, ["big", "s", "l"]), (.leastBacklog, ["big", "l", "s"])])
    func theOrderOfArrivalIsKept(_ policy: RoutingPolicy, _ expected: [RequestID]) {
        let plan = Sample.plan("one", [Sample.replica("m1", .mixed, ["a"])])
        var world = SchedulerWorld.serving(plan) { $0.policy = policy }
        world.submit("big", prompt: 900, max: 900)
        world.submit("l", prompt: 900, max: 900)
        world.submit("s", prompt: 800, max: 900)
        #expect(world.allStarted.map(\.request) == ["big"])
        world.finish("big", on: .decode("a"))
        world.finish(world.allStarted.last?.request ?? "", on: .decode("a"))
        #expect(world.allStarted.map(\.request) == expected)
    }
}
