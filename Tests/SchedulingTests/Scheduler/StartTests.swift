import Domain
import Scheduling
import Testing

/// From nothing to the first plan in force, and learning it back.
@Suite struct StartTests {
    @Test func asksForAPlanOnceDevicesAreReadyAndPutsItInForce() {
        var world = SchedulerWorld()
        #expect(world.snapshot().ready == false)
        world.send(.fleet(Sample.fleet(["a", "b", "c"])))
        for device in ["a", "b", "c"] as [DeviceID] { world.startDevice(device) }
        world.pass(6)
        #expect(world.questions.count == 1)
        world.send(.proposal(Sample.split, reason: "test"))
        let snapshot = world.snapshot()
        #expect(snapshot.ready)
        #expect(world.core.highestEpoch == 2, "every replica has its own")
        #expect(snapshot.plan?.id == "split")
        #expect(Set(world.prepares.map(\.0)) == [.prefill("a"), .decode("b"), .decode("c")])
    }

    @Test func waitsForDevicesThatAreBeingMeasured() {
        var world = SchedulerWorld()
        var fleet = Sample.fleet(["a", "b"])
        fleet.devices.append(Sample.device("c", state: .measuring))
        world.send(.fleet(fleet))
        for device in ["a", "b", "c"] as [DeviceID] { world.startDevice(device) }
        world.pass(20)
        #expect(world.questions.isEmpty)
        #expect(world.snapshot().reason == "devices are being measured")
        world.send(.fleet(Sample.fleet(["a", "b", "c"], version: 2)))
        world.pass(3)
        #expect(world.questions.count == 1)
    }

    @Test func doesNotWaitForeverForMeasurements() {
        var world = SchedulerWorld { $0.settleSeconds = 30 }
        var fleet = Sample.fleet(["a", "b"])
        fleet.devices.append(Sample.device("c", state: .measuring))
        world.send(.fleet(fleet))
        for device in ["a", "b"] as [DeviceID] { world.startDevice(device) }
        world.pass(40)
        #expect(world.questions.count == 1)
    }

    @Test func requestsThatComeTooEarlyWaitAndAreServed() {
        var world = SchedulerWorld()
        world.submit("r1")
        #expect(world.snapshot().waiting == 1)
        world.send(.fleet(Sample.fleet(["a", "b", "c"])))
        for device in ["a", "b", "c"] as [DeviceID] { world.startDevice(device) }
        world.pass(6)
        world.send(.proposal(Sample.split, reason: "test"))
        #expect(world.started.map(\.request) == ["r1"])
    }

    @Test func withoutAPlanRequestsAreRefusedAfterAWhile() {
        var world = SchedulerWorld()
        world.submit("r1")
        world.pass(16)
        #expect(world.refused["r1"]?.code == "unavailable")
        #expect(world.refused["r1"]?.isRetriable == true)
    }

    @Test func aPlanThatCannotBeMadeIsExplained() {
        var world = SchedulerWorld()
        world.send(.fleet(Sample.fleet(["a"])))
        world.startDevice("a")
        world.pass(6)
        let fault = Fault("does_not_fit", "12 MiB are missing", isRetriable: false)
        world.send(.planFailed(fault))
        #expect(world.snapshot().reason == "12 MiB are missing")
        world.pass(5)
        #expect(world.questions.count >= 2, "it asks again after a pause")
    }

    @Test func aRestartedSchedulerTakesOverPlanAndRequests() {
        var world = SchedulerWorld.serving(Sample.split)
        world.submit("r1")
        world.report("r1", .prefillStarted, by: .prefill("a"))
        world.submit("r2")
        world.report("r2", .decodeStarted, by: .decode("b"))
        for key in [.prefill("a")] as [WorkerKey] { world.workers[key]?.held["r2"] = nil }
        let epoch = world.core.highestEpoch
        world.restartScheduler()
        world.log = []
        world.pass(4)
        let snapshot = world.snapshot()
        #expect(snapshot.ready)
        #expect(world.core.highestEpoch >= epoch)
        #expect(snapshot.running == 2)
        #expect(world.load("d")?.kvReservedTokens == 2 * 148)
        #expect(world.load("p")?.requests == 1, "r1 still prefills")
        #expect(world.prepares.isEmpty, "nothing was disturbed")
        #expect(world.cancels.isEmpty)
        #expect(world.lost.isEmpty)
        world.finish("r1", on: .decode("b"))
        world.finish("r2", on: .decode("b"))
        #expect(world.snapshot().running == 0)
        #expect(world.load("d")?.kvReservedTokens == 0)
    }

    @Test func newEpochsAfterARestartAreLargerThanAnySeen() {
        var world = SchedulerWorld.serving(Sample.split)
        let epoch = world.core.highestEpoch
        world.restartScheduler()
        world.pass(4)
        world.startWorker(.decode("c"))
        #expect(world.core.highestEpoch > epoch)
        #expect(world.snapshot().ready)
    }

    @Test func aPartOfThePlanIsTakenOverWhereTheRestIsLost() {
        var world = SchedulerWorld.serving(Sample.mixed)
        world.kill(.decode("b"))
        world.restartScheduler()
        world.pass(5)
        #expect(world.snapshot().ready)
        #expect(world.serves("m1"))
        #expect(!world.serves("m2"))
        world.startWorker(.decode("b"))
        #expect(world.serves("m2"))
    }

    @Test func aPlanWithoutDecodersIsNotTakenOver() {
        var world = SchedulerWorld.serving(Sample.split)
        world.kill(.decode("b"))
        world.restartScheduler()
        world.pass(5)
        #expect(world.snapshot().ready == false)
        #expect(world.snapshot().plan == nil)
    }
}
