import Domain
import Scheduling
import Testing

/// A constraint comes to every stage that samples, whatever way a sequence takes.
@Suite struct StageConstraintTests {
    private static let constraint = SamplingConstraint(.regex, "a+")

    private func world(_ plan: PlacementPlan) -> StageWorld {
        var world = StageWorld(
            plan.replicas.flatMap { replica in
                replica.stages.map { WorkerKey($0.device, replica.role.workerKind) }
            })
        for (index, replica) in plan.replicas.enumerated() { world.form(replica.id, of: plan, epoch: Epoch(index + 1)) }
        return world
    }

    @Test func itGoesThroughBothReplicasOfASplitRoute() {
        let plan = Sample.plan(
            "split", [Sample.replica("p", .prefill, ["a", "b"]), Sample.replica("d", .decode, ["c", "e"])])
        var world = world(plan)
        world.start(
            "r1", world.route(plan, prefill: "p", decode: "d"), epoch: 2, constraint: Self.constraint)
        world.start("r2", world.route(plan, prefill: "p", decode: "d"), epoch: 2)
        world.run()
        #expect(world.finished["r1"] == .length && world.finished["r2"] == .length)
        #expect(world.sampledBy[.prefill("b")] == [Self.constraint, nil])
        #expect(world.sampledBy[.decode("e")] == [Self.constraint, nil])
        #expect(Set(world.sampledBy.keys) == [.prefill("b"), .decode("e")])
    }

    @Test func itGoesWithASequenceThatMoves() {
        let plan = Sample.plan(
            "p", [Sample.replica("m", .mixed, ["a", "b"]), Sample.replica("n", .mixed, ["c", "e"])])
        var world = world(plan)
        world.start(
            "r1", world.route(plan, prefill: nil, decode: "m"), epoch: 2, output: 40, capacity: 1000,
            constraint: Self.constraint)
        for _ in 0..<10_000 where (world.tokens["r1"]?.count ?? 0) < 20 { world.run(1) }
        var way = world.route(plan, prefill: nil, decode: "n")
        way.prefillReplica = "m"
        way.prefill = world.route(plan, prefill: nil, decode: "m").decode
        world.send(
            .move(SequenceMove(request: "r1", epoch: 2, route: way, reservedTokens: 120, capacityTokens: 1000)),
            to: .decode("a"))
        world.run()
        #expect(world.moved == ["r1"] && world.finished["r1"] == .length)
        #expect(world.sampledBy == [.decode("b"): [Self.constraint], .decode("e"): [Self.constraint]])
    }
}
