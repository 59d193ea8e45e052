import Domain
import Scheduling
import Testing

/// Requests with a constraint go where workers know of constraints.
@Suite struct ConstraintRoutingTests {
    private func world(_ plan: PlacementPlan, constraining: [WorkerKey]) -> SchedulerWorld {
        var world = SchedulerWorld.serving(plan)
        world.constraining = Set(constraining)
        for key in world.workers.keys.sorted() { world.hello(key) }
        return world
    }

    @Test func whereNobodyKnowsOfConstraintsTheyAreRefusedForGood() {
        var world = world(Sample.mixed, constraining: [])
        world.submit("r1", isConstrained: true)
        world.submit("r2")
        #expect(world.refused["r1"]?.code == Fault.constraintsNotSupportedCode)
        #expect(world.refused["r1"]?.isRetriable == false)
        #expect(world.allStarted.map(\.request) == ["r2"])
    }

    @Test func constrainedRequestsGoToReplicasThatKnow() {
        var world = world(Sample.mixed, constraining: [.decode("b")])
        for number in 0..<4 { world.submit(RequestID("c\(number)"), isConstrained: true) }
        for number in 0..<4 { world.submit(RequestID("r\(number)")) }
        let constrained = world.allStarted.filter { $0.request.rawValue.hasPrefix("c") }
        #expect(!constrained.isEmpty && constrained.allSatisfy { $0.route.decodeReplica == "m2" })
        #expect(world.allStarted.contains { $0.route.decodeReplica == "m1" })
        #expect(world.refused.isEmpty)
    }

    /// Every stage of the way passes the constraint on, and the last one of the prompt samples the first token.
    @Test func allStagesOfTheWayMustKnow() {
        let all: [WorkerKey] = [.prefill("a"), .decode("b"), .decode("c")]
        var knowing = world(Sample.split, constraining: all)
        knowing.submit("r1", prompt: 64, isConstrained: true)
        #expect(knowing.started.first?.route.prefillReplica == "p")
        var oldStage = world(Sample.split, constraining: [.prefill("a"), .decode("b")])
        oldStage.submit("r1", prompt: 64, isConstrained: true)
        #expect(oldStage.refused["r1"]?.code == Fault.constraintsNotSupportedCode && oldStage.started.isEmpty)
        var oldPrefill = world(Sample.split, constraining: [.decode("b"), .decode("c")])
        oldPrefill.submit("r1", prompt: 64, isConstrained: true)
        #expect(oldPrefill.refused["r1"] == nil)
        #expect(oldPrefill.started.allSatisfy { $0.route.prefillReplica == nil })
    }

    @Test func logProbabilitiesAreAskedOnlyOfWorkersThatKnowOfThem() {
        var world = SchedulerWorld.serving(Sample.mixed)
        world.reading = [.decode("b")]
        for key in world.workers.keys.sorted() { world.hello(key) }
        for number in 0..<4 { world.submit(RequestID("c\(number)"), readsLogits: true) }
        let started = world.allStarted
        #expect(!started.isEmpty && started.allSatisfy { $0.route.decodeReplica == "m2" })
        // It knows of one thing, not of the other.
        world.submit("both", isConstrained: true, readsLogits: true)
        #expect(world.refused["both"]?.code == Fault.constraintsNotSupportedCode)
        var old = SchedulerWorld.serving(Sample.mixed)
        old.submit("r1", readsLogits: true)
        #expect(old.refused["r1"]?.code == Fault.samplingNotSupportedCode && old.refused["r1"]?.isRetriable == false)
    }

    /// A constraint that leads nowhere says nothing about the replica.
    @Test func aFailedConstraintDoesNotInhibitItsReplica() {
        for (code, isInhibited) in [(Fault.constraintFailedCode, false), ("compute_failed", true)] {
            var world = world(Sample.mixed, constraining: [.decode("a"), .decode("b")])
            world.submit("r1", isConstrained: true)
            guard let first = world.started.first else {
                Issue.record("r1 is not routed")
                return
            }
            world.report("r1", .failed(Fault(code, "why", isRetriable: isInhibited)), by: first.first.key)
            #expect(world.core.snapshot(at: world.now).running == 0)
            world.submit("r2", isConstrained: true)
            #expect((world.started.last?.route.decodeReplica != first.route.decodeReplica) == isInhibited, "\(code)")
        }
    }
}
