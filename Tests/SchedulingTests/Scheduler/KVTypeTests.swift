import Domain
import Testing

@testable import Scheduling

/// Replicas of different KV types beside each other, while a plan changes.
@Suite struct SchedulerKVTypeTests {
    private static let devices: [DeviceID] = ["a", "b", "c", "e"]
    /// The stages of `Sample.split`, with keys and values as q8_0.
    private static var small: PlacementPlan {
        var plan = Sample.split
        (plan.id, plan.kvType, plan.predictedRequestsPerSecond) = ("small", .q8_0, 2)
        return plan
    }

    @Test func anotherTypeIsAnotherReplica() {
        var world = SchedulerWorld.serving(Sample.split, devices: Self.devices)
        world.submit("r1")
        world.report("r1", .decodeStarted, by: .decode("b"))
        world.send(.proposal(Self.small, reason: "better"))
        world.pass(40)
        #expect(world.snapshot().plan?.kvType == .q8_0)
        #expect(Set(world.snapshot().replicas.map(\.replica)).isDisjoint(with: ["p", "d"]))
        #expect(world.lost == ["r1"], "it is computed again, not handed over")
        #expect(world.prepares.contains { $0.1.plan.kvType == .q8_0 })
        world.submit("r2", prompt: 64)
        let route = world.started.first?.route
        #expect(route?.prefillReplica != nil && route?.prefillReplica != "p" && route?.decodeReplica != "d")
    }

    @Test func typesAreNotPaired() {
        func situation(_ id: ReplicaID, _ role: ReplicaRole, _ device: DeviceID, _ type: KVType) -> ReplicaSituation {
            ReplicaSituation(
                replica: Sample.replica(id, role, [device]), kvType: type, routable: true, inhibited: false,
                kvCapacity: 10_000)
        }
        let router = Router(policy: .estimatedWait, localPrefillTokens: 0, overcommit: 4)
        let need = Router.Need(
            promptTokens: 100, totalTokens: 200, likelyTokens: 150, remainingTokens: 100, expectedTokens: 50)
        let plan = Sample.plan(
            "p", [Sample.replica("p", .prefill, ["a"]), Sample.replica("d", .decode, ["b"])])
        let times = ReplicaTimes(plan: plan, fleet: Sample.fleet(["a", "b"]), configuration: SchedulingConfiguration())
        let pair = [situation("p", .prefill, "a", .q8_0), situation("d", .decode, "b", .q8_0)]
        guard case .route("p", "d", _, _) = router.decide(need, pair, times, turn: 0) else {
            Issue.record("one type is routed")
            return
        }
        let mixed = [situation("p", .prefill, "a", .f16), situation("d", .decode, "b", .q8_0)]
        guard case .route(nil, "d", _, _) = router.decide(need, mixed, times, turn: 0) else {
            Issue.record("without a prefill replica of its type a decoder prefills for itself")
            return
        }
    }

    @Test func aPlanThatTheHeadsForbidIsRefused() {
        var world = SchedulerWorld.serving(Sample.split, devices: Self.devices)
        var fleet = Sample.fleet(Self.devices, version: 2)
        fleet.model?.headDim = 16
        world.send(.fleet(fleet))
        world.send(.proposal(Self.small, reason: "better"))
        #expect(world.snapshot().plan?.id == "split")
        #expect(world.notes.contains { $0.contains("q8_0") })
    }
}
