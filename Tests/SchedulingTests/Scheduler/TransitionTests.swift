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
        #expect(snapshot.replicas.map(\.replica) == ["d", "x"], "what stays keeps its name")
        world.submit("r2")
        #expect(world.started.first?.route.prefillReplica == "x")
        #expect(world.started.first?.route.decodeReplica == "d")
    }

    @Test func newReplicasAreLoadedBesideOldOnesWhichDrain() {
        var world = SchedulerWorld.serving(Sample.split, devices: Self.devices)
        world.submit("r1")
        world.silent = [.prefill("e")]
        world.send(.proposal(Self.moved, reason: "better"))
        #expect(world.snapshot().plan?.id == "split", "x is being loaded")
        world.submit("r2", prompt: 64)
        #expect(world.started.first?.route.prefillReplica == "p", "the old replica serves meanwhile")
        world.silent = []
        world.startWorker(.prefill("e"))
        #expect(world.snapshot().plan?.id == "moved")
        world.submit("r3", prompt: 64)
        #expect(world.started.first?.route.prefillReplica == "x")
        #expect(world.load("p")?.state == "draining", "r1 and r2 end where they are")
        for id in ["r1", "r2"] as [RequestID] {
            world.report(id, .prefillFinished, by: .prefill("a"))
            world.report(id, .kvComplete, by: .decode("b"))
        }
        #expect(world.lost.isEmpty)
        #expect(world.releases.contains { $0 == (.prefill("a"), "p") }, "a gives its stage back")
        #expect(world.load("p") == nil)
    }

    @Test func afterTheDrainLimitRequestsAreMovedInGroups() {
        var world = SchedulerWorld.serving(Sample.split, devices: Self.devices)
        for index in 0..<6 { world.submit(RequestID("r\(index)"), prompt: 40) }
        world.send(.proposal(Self.moved, reason: "better"))
        #expect(world.snapshot().plan?.id == "moved")
        world.pass(29)
        #expect(world.lost.isEmpty)
        var counts: [Int] = []
        for _ in 0..<10 {
            world.pass(0.25)
            if counts.last != world.lost.count { counts.append(world.lost.count) }
        }
        #expect(counts == [0, 4, 6], "not all at once")
        #expect(world.load("p") == nil)
    }

    /// No worker can hold two stages: the replicas of the new plan take the places of the old ones one after the other, and
    /// requests are served all the time.
    @Test func withoutRoomReplicasAreReplacedOneAfterTheOther() {
        var world = SchedulerWorld.serving(Sample.mixed, devices: ["a", "b"])
        world.small = [.decode("a"), .decode("b")]
        for index in 0..<4 { world.submit(RequestID("r\(index)")) }
        let other = Sample.plan(
            "other",
            [Sample.replica("n1", .decode, ["a"]), Sample.replica("n2", .decode, ["b"])].map {
                var replica = $0
                replica.role = .mixed
                replica.stages[0].layers = LayerRange(0, 8)
                return replica
            })
        // The same stages are kept, whatever their names.
        world.send(.proposal(other, reason: "names"))
        #expect(world.releases.isEmpty)
        let joined = Sample.plan("joined", [Sample.replica("j", .mixed, ["a", "b"])], rate: 9)
        world.send(.proposal(joined, reason: "better"))
        #expect(world.snapshot().ready, "no replica serves, but only for a moment")
        #expect(Set(world.lost) == ["r0", "r1", "r2", "r3"])
        #expect(world.snapshot().plan?.id == "joined")
        for id in world.lost { world.submit(id, prompt: 60, generated: 5) }
        #expect(world.snapshot().running == 4)
        world.log = []
        var apart = Sample.mixed
        apart.id = "apart"
        apart.predictedRequestsPerSecond = 99
        world.pass(700)
        world.send(.proposal(apart, reason: "better"))
        #expect(world.snapshot().plan?.id == "apart")
        #expect(world.snapshot().ready)
    }

    @Test func oneReplicaMakesRoomWhileTheOtherServes() {
        var world = SchedulerWorld.serving(Sample.mixed, devices: ["a", "b", "c", "e"])
        world.small = [.decode("a"), .decode("b")]
        let wide = Sample.plan(
            "wide",
            [Sample.replica("w1", .mixed, ["a", "c"]), Sample.replica("w2", .mixed, ["b", "e"])], rate: 9)
        world.submit("r1")
        world.submit("r2")
        world.send(.proposal(wide, reason: "better"))
        let snapshot = world.snapshot()
        #expect(snapshot.plan?.id == "mixed")
        let states = snapshot.replicas.map(\.state)
        #expect(states.filter { $0 == "draining" }.count == 1, "one at a time: \(states)")
        #expect(world.lost.isEmpty)
        world.submit("r3")
        #expect(world.started.count == 1, "the other one serves")
        world.pass(12)
        #expect(world.snapshot().plan?.id == "wide")
        let summary = world.notes.last { $0.hasPrefix("plan wide replaces mixed") } ?? ""
        #expect(summary.contains("0 replicas kept, 2 new, 2 given up; better"), "\(summary)")
    }

    /// What still drains at leisure from the change before does not hold up the next one.
    @Test func aLeftoverMakesRoomForTheNextPlan() {
        var world = SchedulerWorld.serving(Sample.split, devices: Self.devices)
        world.submit("r1")
        world.send(.proposal(Self.moved, reason: "better"))
        #expect(world.load("p")?.state == "draining")
        world.small = [.prefill("a")]
        let third = Sample.plan(
            "third", [Sample.replica("q", .prefill, ["a", "e"]), Sample.replica("d", .decode, ["b", "c"])], rate: 9)
        world.send(.proposal(third, reason: "better"))
        world.pass(1)
        #expect(world.snapshot().plan?.id == "moved")
        world.pass(3)
        #expect(world.lost == ["r1"])
        #expect(world.snapshot().plan?.id == "third")
    }

    @Test func aFailedPrepareLeavesTheOldPlanInForceAndExcludesTheDevice() {
        var world = SchedulerWorld.serving(Sample.split, devices: Self.devices)
        world.failing = [.prefill("e")]
        world.send(.proposal(Self.moved, reason: "better"))
        let snapshot = world.snapshot()
        #expect(snapshot.plan?.id == "split")
        #expect(snapshot.ready)
        let serving = world.allServing()
        #expect(serving, "nothing was changed")
        #expect(world.lost.isEmpty)
        world.send(.fleet(Sample.fleet(Self.devices + ["f"], version: 3)))
        world.pass(5)
        #expect(world.questions.last?.excludedDevices == ["e"])
    }

    @Test func aPlanThatWasLeftIsNotTakenAgainWithoutEvidence() {
        var world = SchedulerWorld.serving(Sample.split, devices: Self.devices)
        world.send(.proposal(Self.moved, reason: "better"))
        var back = Sample.split
        back.id = "back"
        back.predictedRequestsPerSecond = 99
        world.send(.proposal(back, reason: "better again"))
        #expect(world.snapshot().plan?.id == "moved")
        world.send(.fleet(Sample.fleet(Self.devices + ["f"], version: 3)))
        back.id = "back again"
        world.send(.proposal(back, reason: "another fleet"))
        #expect(world.snapshot().plan?.id == "back again")
    }

    @Test func theFirstPlanIsAskedToHoldWhatTheOperatorWants() {
        var world = SchedulerWorld.serving(Sample.split) { $0.contextTokens = 700 }
        #expect(world.questions.first?.contextTokens == 700)
        #expect(world.snapshot().contextTokens == 700)
        world.submit("r1", prompt: 700)
        #expect(world.refused["r1"]?.code == "context_length_exceeded")
    }

    @Test func thePromisedContextIsKept() {
        var world = SchedulerWorld.serving(Sample.split, devices: Self.devices)
        #expect(world.snapshot().contextTokens == 1024)
        var less = Self.moved
        for index in less.replicas.indices { less.replicas[index].kvCapacityTokens = 600 }
        less.predictedRequestsPerSecond = 99
        world.send(.proposal(less, reason: "better"))
        #expect(world.snapshot().plan?.id == "split", "sequences of 1024 tokens were promised")
        world.submit("r1", prompt: 1000, max: 24)
        #expect(world.started.count == 1)
        world.pass(5)
        #expect(world.questions.first?.contextTokens == nil, "nothing was promised before the first plan")
        // Where nothing serves any more, less is better than nothing, and what was promised is still admitted.
        for device in ["b", "c"] as [DeviceID] { world.kill(.decode(device)) }
        world.pass(15)
        #expect(world.questions.count > 1)
        #expect(world.questions.dropFirst().allSatisfy { $0.contextTokens == 1024 })
        less.id = "least"
        less.replicas = [Sample.replica("x", .prefill, ["e"]), Sample.replica("y", .decode, ["a"], kv: 600)]
        world.send(.proposal(less, reason: "loss"))
        #expect(world.snapshot().plan?.id == "least")
        #expect(world.snapshot().contextTokens == 1024)
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
