import Domain
import Scheduling
import Testing

/// Lost and restarted processes.
@Suite struct FaultTests {
    @Test func aRestartedWorkerGetsItsStageBack() {
        var world = SchedulerWorld.serving(Sample.split)
        let epoch = world.snapshot().epoch
        world.submit("r1")
        world.report("r1", .decodeStarted, by: .decode("b"))
        world.startWorker(.decode("c"))
        #expect(world.lost == ["r1"])
        #expect(world.cancels.map(\.1) == [.decode("b")], "the first stage that is left frees it")
        #expect(world.snapshot().ready)
        #expect(world.snapshot().epoch > epoch)
        #expect(world.workers[.decode("c")]?.assignment?.replica == "d")
        #expect(world.questions.count == 1, "no new plan was asked for")
    }

    @Test func silenceIsLossAfterThreeHeartbeats() {
        var world = SchedulerWorld.serving(Sample.split)
        world.submit("r1")
        world.report("r1", .decodeStarted, by: .decode("b"))
        world.kill(.decode("c"))
        world.pass(2.5)
        #expect(world.lost.isEmpty)
        world.pass(2.5)
        #expect(world.lost == ["r1"])
        #expect(world.snapshot().ready == false)
        world.submit("r2")
        #expect(world.started.isEmpty)
        world.startWorker(.decode("c"))
        #expect(world.started.map(\.request) == ["r2"])
    }

    @Test func aPrefillReplicaMayBeLostOnceItsPartIsDone() {
        var world = SchedulerWorld.serving(Sample.split)
        world.submit("r1")
        world.report("r1", .prefillFinished, by: .prefill("a"))
        world.submit("r2")
        world.report("r1", .kvComplete, by: .decode("b"))
        world.kill(.prefill("a"))
        world.pass(5)
        #expect(world.lost == ["r2"])
        #expect(world.snapshot().running == 1)
        world.submit("r3", prompt: 500)
        #expect(world.started.first?.prefillReplica == nil, "the decoder prefills while no prefill replica serves")
    }

    @Test func aPausedWorkerIsFencedAndRejoins() {
        var world = SchedulerWorld.serving(Sample.split)
        world.submit("r1")
        world.report("r1", .decodeStarted, by: .decode("b"))
        world.kill(.decode("b"))
        world.pass(5)
        #expect(world.lost == ["r1"])
        world.resume(.decode("b"))
        world.report("r1", .finished(.stop), by: .decode("b"))
        world.pass(2)
        #expect(world.cancels.contains { $0 == ("r1", .decode("b")) }, "what it still held is stopped")
        #expect(world.snapshot().ready)
        #expect(world.load("d")?.kvReservedTokens == 0)
    }

    @Test func aReplacedProcessIsIgnored() {
        var world = SchedulerWorld.serving(Sample.split)
        let old = world.address(.decode("b"))
        world.startWorker(.decode("b"))
        let epoch = world.snapshot().epoch
        world.send(.workerHello(WorkerReport(address: old, endpoint: "tcp://old", epoch: 1)))
        #expect(!world.last.contains(.welcome(old)))
        world.send(.workerHeartbeat(old, WorkerLoad()))
        #expect(world.last.contains(.refuseHeartbeat(old)))
        #expect(world.snapshot().epoch == epoch)
    }

    @Test func aDeviceThatStaysAwayIsPlannedAround() {
        var world = SchedulerWorld.serving(Sample.mixed)
        world.kill(.decode("b"))
        world.pass(15)
        #expect(world.questions.last?.reason == "device b cannot serve its stage")
        #expect(world.questions.last?.excludedDevices == ["b"])
        let one = Sample.plan("one", [Sample.replica("m", .mixed, ["a"])], rate: 0.5)
        world.send(.proposal(one, reason: "loss"))
        #expect(world.snapshot().plan?.id == "one")
        #expect(world.snapshot().replicas.map(\.id) == ["m1"], "the surviving replica keeps its name")
        world.startWorker(.decode("b"))
        world.pass(5)
        #expect(world.questions.last?.reason == "device b can be used")
    }

    @Test func aShortAbsenceAsksForNothing() {
        var world = SchedulerWorld.serving(Sample.mixed)
        let count = world.questions.count
        world.kill(.decode("b"))
        world.pass(6)
        world.startWorker(.decode("b"))
        world.pass(10)
        #expect(world.questions.count == count)
        #expect(world.load("m2")?.serving == true)
    }

    @Test func aCrashLoopTakesTheDeviceOut() {
        var world = SchedulerWorld.serving(Sample.mixed)
        for _ in 0..<5 {
            world.startWorker(.decode("b"))
            world.pass(1)
        }
        #expect(world.load("m1")?.serving == true)
        world.pass(5)
        #expect(world.questions.last?.excludedDevices == ["b"])
    }

    @Test func aFailedRequestIsTakenElsewhere() {
        var world = SchedulerWorld.serving(Sample.mixed)
        world.submit("r1")
        let first = world.started.first?.decodeReplica
        let device = world.started.first?.decode.first?.device ?? "?"
        let fault = SchedulingFault(code: "kernel", message: "broken", isRetriable: true)
        world.report("r1", .failed(fault), by: .decode(device))
        #expect(world.lost == ["r1"])
        world.submit("r1", prompt: 40, generated: 8)
        #expect(world.started.first?.decodeReplica != first)
    }

    @Test func theEndOfAStoppedAttemptDoesNotEndTheNext() {
        var world = SchedulerWorld.serving(Sample.split)
        world.submit("r1")
        world.report("r1", .decodeStarted, by: .decode("b"))
        // The restart of c loses r1; b is told to stop it, but its answer is late.
        world.workers[.decode("b")]?.held = [:]
        world.startWorker(.decode("c"))
        world.submit("r1", prompt: 40, generated: 8)
        #expect(world.started.count == 1)
        world.report("r1", .finished(.abort), by: .decode("b"))
        #expect(world.snapshot().running == 1)
        world.report("r1", .finished(.stop), by: .decode("b"))
        #expect(world.snapshot().running == 0)
    }

    @Test func aStartThatNeverArrivedIsFound() {
        var world = SchedulerWorld.serving(Sample.split)
        world.submit("r1")
        world.pass(31)
        #expect(world.lost == ["r1"])
    }

    @Test func theClustererMayBeAway() {
        var world = SchedulerWorld.serving(Sample.mixed)
        world.kill(.decode("b"))
        world.pass(12)
        let asked = world.questions.count
        world.pass(70)
        #expect(world.questions.count > asked, "it asks again when no answer comes")
        #expect(world.snapshot().ready, "the rest of the plan serves")
    }
}
