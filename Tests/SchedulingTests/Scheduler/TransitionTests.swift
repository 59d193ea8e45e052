import Domain
import Scheduling
import Testing

/// Putting plans in force.
@Suite struct TransitionTests {
    /// The decoder of `Sample.split` stays, prefill moves from `a` to `e`.
    private static let moved = Sample.plan(
        "moved", [Sample.replica("x", .prefill, ["e"]), Sample.replica("y", .decode, ["b", "c"])], rate: 2)
    private static let devices: [DeviceID] = ["a", "b", "c", "e"]

    @Test func requestsOnUnchangedReplicasGoOn() {
        var world = SchedulerWorld.serving(Sample.split, devices: Self.devices)
        world.submit("r1")
        world.report("r1", .decodeStarted, by: .decode("b"))
        world.send(.proposal(Self.moved, reason: "better"))
        let snapshot = world.snapshot()
        #expect(snapshot.plan?.id == "moved")
        #expect(snapshot.running == 1)
        #expect(world.lost.isEmpty)
        #expect(snapshot.replicas.map(\.id) == ["d", "x"], "what stays keeps its name")
        world.submit("r2")
        #expect(world.started.first?.prefillReplica == "x")
        #expect(world.started.first?.decodeReplica == "d")
    }

    @Test func replicasThatChangeAreDrainedFirst() {
        var world = SchedulerWorld.serving(Sample.split, devices: Self.devices)
        world.submit("r1")
        world.send(.proposal(Self.moved, reason: "better"))
        #expect(world.snapshot().plan?.id == "split", "r1 still prefills on a")
        world.submit("r2", prompt: 64)
        #expect(world.started.first?.prefillReplica == nil, "no new request goes to a replica that changes")
        world.finish("r2", on: .decode("b"))
        world.report("r1", .prefillFinished, by: .prefill("a"))
        world.report("r1", .kvComplete, by: .decode("b"))
        #expect(world.snapshot().plan?.id == "moved")
        #expect(world.lost.isEmpty)
        #expect(world.prepares.contains { $0.0 == .prefill("a") && $0.1 == nil }, "a gives its stage back")
    }

    @Test func afterTheDrainLimitRequestsAreDeclaredLost() {
        var world = SchedulerWorld.serving(Sample.split, devices: Self.devices)
        world.submit("r1")
        world.send(.proposal(Self.moved, reason: "better"))
        world.pass(31)
        #expect(world.lost == ["r1"])
        #expect(world.cancels.map(\.1) == [.prefill("a"), .decode("b")])
        #expect(world.snapshot().plan?.id == "moved")
    }

    @Test func aFailedPrepareLeavesTheOldPlanInForceAndExcludesTheDevice() {
        var world = SchedulerWorld.serving(Sample.split, devices: Self.devices)
        world.failing = [.prefill("e")]
        world.send(.proposal(Self.moved, reason: "better"))
        let snapshot = world.snapshot()
        #expect(snapshot.plan?.id == "split")
        #expect(snapshot.ready)
        let serving = world.allServing()
        #expect(serving, "the rollback restored what was prepared")
        world.send(.fleet(Sample.fleet(Self.devices + ["f"], version: 3)))
        world.pass(5)
        #expect(world.questions.last?.excludedDevices == ["e"])
    }

    @Test func aPlanWithAnExcludedDeviceIsRefused() {
        var world = SchedulerWorld.serving(Sample.split, devices: Self.devices)
        world.failing = [.prefill("e")]
        world.send(.proposal(Self.moved, reason: "better"))
        let count = world.prepares.count
        var again = Self.moved
        again.id = "again"
        world.send(.proposal(again, reason: "better"))
        #expect(world.prepares.count == count)
    }

    @Test func aWorkerThatDoesNotAnswerEndsTheTransition() {
        var world = SchedulerWorld.serving(Sample.split, devices: Self.devices)
        world.silent = [.prefill("e")]
        world.send(.proposal(Self.moved, reason: "better"))
        world.submit("r1")
        #expect(world.started.count == 1, "the replica that stays serves meanwhile")
        world.pass(127)
        #expect(world.snapshot().plan?.id == "split")
        let serving = world.allServing()
        #expect(serving)
    }

    @Test func aWorkerThatRestartsWhileItPreparesIsAskedAgain() {
        var world = SchedulerWorld.serving(Sample.split, devices: Self.devices)
        world.silent = [.prefill("e")]
        world.send(.proposal(Self.moved, reason: "better"))
        world.silent = []
        world.startWorker(.prefill("e"))
        #expect(world.snapshot().plan?.id == "moved")
        let serving = world.allServing()
        #expect(serving)
    }

    @Test func aWorkerLostWhileItPreparesEndsTheTransition() {
        var world = SchedulerWorld.serving(Sample.split, devices: Self.devices)
        world.silent = [.prefill("e")]
        world.send(.proposal(Self.moved, reason: "better"))
        world.kill(.prefill("e"))
        world.pass(10)
        #expect(world.snapshot().plan?.id == "split")
        let serving = world.allServing()
        #expect(serving)
    }

    @Test func aPlanWaitsForAWorkerThatHasNotSaidHelloYet() {
        var world = SchedulerWorld.serving(Sample.split)
        world.send(.fleet(Sample.fleet(Self.devices, version: 2)))
        world.send(.proposal(Self.moved, reason: "better"))
        #expect(world.snapshot().plan?.id == "split")
        world.startDevice("e")
        #expect(world.snapshot().plan?.id == "moved")
    }

    @Test func aWorseOrEqualPlanDoesNotReplaceAHealthyOne() {
        var world = SchedulerWorld.serving(Sample.split, devices: Self.devices)
        var plan = Self.moved
        plan.predictedRequestsPerSecond = 1.05
        world.send(.proposal(plan, reason: "join"))
        #expect(world.snapshot().plan?.id == "split")
        plan.id = "cheaper"
        plan.objective = 0.5
        world.send(.proposal(plan, reason: "join"))
        #expect(world.snapshot().plan?.id == "cheaper")
    }

    @Test func anUnsoundPlanIsRefused() {
        var world = SchedulerWorld.serving(Sample.split)
        var plan = Self.moved
        plan.replicas.removeLast()
        world.send(.proposal(plan, reason: "broken"))
        plan.id = "other model"
        plan.model = "other"
        world.send(.proposal(plan, reason: "broken"))
        #expect(world.snapshot().plan?.id == "split")
        #expect(world.snapshot().ready)
    }
}
