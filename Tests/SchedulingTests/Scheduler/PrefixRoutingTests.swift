import Domain
import Testing

@testable import Scheduling

/// The scheduler prefers the replica that probably has a prompt's KV cache.
@Suite struct PrefixRoutingTests {
    private func tokens(_ count: Int, _ seed: Int32 = 0) -> [Int32] { (0..<count).map { Int32($0 % 50) + seed } }

    @Test func beginningsAreCompared() {
        var known = RoutedPrefixes()
        known.note(PromptPrefix(tokens: tokens(100)), capacityTokens: 1000)
        #expect(known.cachedTokens(PromptPrefix(tokens: tokens(200)), of: 200) == 96)
        #expect(known.cachedTokens(PromptPrefix(tokens: tokens(96)), of: 96) == 64)
        #expect(known.cachedTokens(PromptPrefix(tokens: tokens(200, 1)), of: 200) == 0)
        #expect(known.cachedTokens(PromptPrefix(tokens: tokens(200), salt: "x"), of: 200) == 0)
        #expect(known.cachedTokens(PromptPrefix(), of: 5) == 0)
        // No more than its cache can hold.
        for seed in 1..<20 { known.note(PromptPrefix(tokens: tokens(320, Int32(seed))), capacityTokens: 1000) }
        #expect(known.cachedTokens(PromptPrefix(tokens: tokens(200)), of: 200) == 0)
        #expect(known.cachedTokens(PromptPrefix(tokens: tokens(200, 19)), of: 200) == 192)
    }

    private func situation(_ id: ReplicaID, _ role: ReplicaRole, _ device: DeviceID) -> ReplicaSituation {
        ReplicaSituation(
            replica: Sample.replica(id, role, [device]), kvType: .f16, routable: true, inhibited: false,
            kvCapacity: 10_000)
    }

    private let need = Router.Need(
        promptTokens: 500, totalTokens: 600, likelyTokens: 550, remainingTokens: 100, expectedTokens: 50)

    @Test func theReplicaThatHasItIsPreferred() {
        let plan = Sample.plan("p", [Sample.replica("a", .mixed, ["a"]), Sample.replica("b", .mixed, ["b"])])
        let times = ReplicaTimes(plan: plan, fleet: Sample.fleet(["a", "b"]), configuration: SchedulingConfiguration())
        let router = Router(policy: .estimatedWait, localPrefillTokens: 0, overcommit: 4)
        for best in 0..<2 {
            var both = [situation("a", .mixed, "a"), situation("b", .mixed, "b")]
            both[best].cachedTokens = 480
            guard case .route(nil, let decode, _, let cached) = router.decide(need, both, times, turn: 0) else {
                Issue.record("it is routed")
                return
            }
            #expect(decode == both[best].replica.id)
            both[best].cachedTokens = 0
            guard case .route(_, _, _, let full) = router.decide(need, both, times, turn: 0) else { return }
            #expect(cached < full / 4)
            // A long queue counts for more than what is there.
            both[best].cachedTokens = 480
            both[best].prefillBacklog = 60
            guard case .route(nil, let other, _, _) = router.decide(need, both, times, turn: 0) else { return }
            #expect(other != both[best].replica.id)
        }
    }

    /// A decoder that has most of a prompt computes the rest itself.
    @Test func aDecoderComputesTheRest() {
        let plan = Sample.plan("p", [Sample.replica("p", .prefill, ["a"]), Sample.replica("d", .decode, ["b"])])
        let times = ReplicaTimes(plan: plan, fleet: Sample.fleet(["a", "b"]), configuration: SchedulingConfiguration())
        let router = Router(policy: .estimatedWait, localPrefillTokens: 32, overcommit: 4)
        var pair = [situation("p", .prefill, "a"), situation("d", .decode, "b")]
        for (cached, prefill) in [(0, "p"), (160, "p"), (448, nil), (480, nil)] as [(Int, ReplicaID?)] {
            pair[1].cachedTokens = cached
            guard case .route(prefill, "d", _, _) = router.decide(need, pair, times, turn: 0) else {
                Issue.record("\(cached) tokens are there")
                continue
            }
        }
    }

    /// Of equal prefill replicas the one that has the prompt is preferred, and of equal decoders the one that is sent less;
    /// only where both sides know how.
    @Test func whatIsKeptCountsForHandovers() {
        let replicas = [
            Sample.replica("p", .prefill, ["a"]), Sample.replica("q", .prefill, ["b"]),
            Sample.replica("d", .decode, ["c"]), Sample.replica("e", .decode, ["f"]),
        ]
        let plan = Sample.plan("p", replicas)
        let times = ReplicaTimes(
            plan: plan, fleet: Sample.fleet(["a", "b", "c", "f"]), configuration: SchedulingConfiguration())
        let router = Router(policy: .estimatedWait, localPrefillTokens: 0, overcommit: 4)
        let plain = replicas.map { situation($0.id, $0.role, $0.stages[0].device) }
        func decide(_ change: (inout [ReplicaSituation]) -> Void) -> Router.Decision {
            var situations = plain
            for index in situations.indices { situations[index].handsOverPrefixes = true }
            change(&situations)
            return router.decide(need, situations, times, turn: 0)
        }
        guard case .route("p", "d", _, let full) = decide({ _ in }) else {
            Issue.record("the first pair is as good as any")
            return
        }
        guard case .route("q", _, _, let kept) = decide({ $0[1].cachedTokens = 448 }) else {
            Issue.record("the prefill replica that has it is preferred")
            return
        }
        #expect(kept < full / 4)
        let one = decide {
            $0[1].cachedTokens = 448
            for index in 2...3 { $0[index].handsOverPrefixes = false }
        }
        guard case .route("p", "d", _, full) = one else {
            Issue.record("decoders that cannot do it make no difference")
            return
        }
        let other = decide {
            $0[3].cachedTokens = 160
            $0[3].heldTokens = 160
        }
        guard case .route("p", "e", _, full) = other else {
            Issue.record("the decoder that is sent less is preferred")
            return
        }
        let windowed = decide { $0[3].cachedTokens = 160 }
        guard case .route("p", "d", _, full) = windowed else {
            Issue.record("a model with a window is sent everything")
            return
        }
    }

    /// Chats over a prefill and a decoder replica: the turns are neither computed nor sent again.
    @Test(arguments: [true, false]) func chatsAreHandedOverOnce(_ reuses: Bool) {
        var world = FleetWorld(["a", "b"], reusesPrefixes: reuses)
        world.pass(4)
        world.propose(
            Sample.plan(
                "split", [Sample.replica("p", .prefill, ["a"]), Sample.replica("d", .decode, ["b"])], rate: 9))
        world.pass(8)
        for turn in 0..<3 {
            for chat in 0..<4 { world.submit("t\(turn)-\(chat)@chat\(chat)", prompt: 36 + turn * 27, output: 6) }
            world.pass(6)
        }
        #expect(world.open.isEmpty && world.problems.isEmpty && world.stages.mistaken.isEmpty)
        let cached = world.stages.cached.values.reduce(0, +)
        let sent = world.stages.handedOver.values.reduce(0, +)
        #expect(sent > 0)
        // The decoder has one full block after the first turn, and two after the second.
        if reuses {
            #expect(cached >= 4 * (32 + 32), "\(world.stages.cached)")
            #expect(sent <= 4 * (36 + 31 + 26), "\(world.stages.handedOver)")
        } else {
            #expect(cached == 0 && sent == 4 * (36 + 63 + 90))
        }
    }

    /// The turns of chats find their replicas.
    @Test(arguments: [true, false]) func chatsStayWhereTheirKVIs(_ reuses: Bool) {
        var world = FleetWorld(["a", "b"], reusesPrefixes: reuses)
        world.pass(4)
        world.propose(
            Sample.plan(
                "two", [Sample.replica("m1", .mixed, ["a"]), Sample.replica("m2", .mixed, ["b"])], rate: 9))
        world.pass(2)
        for turn in 0..<3 {
            for chat in 0..<6 { world.submit("t\(turn)-\(chat)@chat\(chat)", prompt: 36 + turn * 27, output: 6) }
            world.pass(6)
        }
        #expect(world.open.isEmpty && world.problems.isEmpty && world.stages.mistaken.isEmpty)
        let cached = world.stages.cached.filter { !$0.key.rawValue.hasPrefix("t0") }.mapValues { $0 }
        if reuses {
            #expect(cached.count == 12 && cached.values.allSatisfy { $0 >= 32 }, "\(cached)")
        } else {
            #expect(cached.isEmpty)
        }
    }
}
