import Domain
import Scheduling
import Testing

/// Lost and restarted processes.
@Suite struct FaultTests {
    @Test func aRestartedWorkerGetsItsStageBack() {
        var world = SchedulerWorld.serving(Sample.split)
        let epoch = world.core.highestEpoch
        world.submit("r1")
        world.report("r1", .decodeStarted, by: .decode("b"))
        world.startWorker(.decode("c"))
        #expect(world.lost == ["r1"])
        #expect(world.cancels.map(\.1) == [.decode("b")], "the first stage that is left frees it")
        #expect(world.snapshot().ready)
        #expect(world.core.highestEpoch > epoch)
        #expect(world.workers[.decode("c")]?.stages.keys.map(\.self) == ["d"])
        #expect(world.prepares.suffix(2).map(\.0) == [.decode("b"), .decode("c")], "the whole replica is formed anew")
        #expect(world.questions.count == 1, "no new plan was asked for")
    }

    @Test func silenceIsLossAfterThreeHeartbeats() {
        var world = SchedulerWorld.serving(Sample.split)
        world.submit("r1")
        world.report("r1", .decodeStarted, by: .decode("b"))
        world.kill(.decode("c"))
        world.pass(1.5)
        #expect(world.lost.isEmpty)
        world.pass(2)
        #expect(world.lost == ["r1"])
        #expect(world.snapshot().ready, "for a moment requests wait")
        world.pass(6)
        #expect(world.snapshot().ready == false)
        world.submit("r2")
        #expect(world.started.isEmpty)
        world.startWorker(.decode("c"))
        #expect(world.started.map(\.request) == ["r2"])
    }

    @Test func aWorkerWithoutWorkMayBeSilentForLonger() {
        var world = SchedulerWorld.serving(Sample.split) { $0.idleWorkerLostSeconds = 8 }
        world.pass(1)
        world.kill(.decode("b"))
        world.pass(6)
        #expect(world.serves("d"))
        world.pass(4)
        #expect(!world.serves("d"))
    }

    @Test func aWorkerMayNotBeSilentOnceItDrivesARequest() {
        var world = SchedulerWorld.serving(Sample.split) { $0.idleWorkerLostSeconds = 8 }
        world.pass(1)
        world.kill(.decode("b"))
        world.pass(5)
        world.submit("r1")
        world.pass(1.75)
        #expect(world.lost.isEmpty, "it may not have known that there is something to report")
        world.pass(1)
        #expect(world.lost == ["r1"])
    }

    @Test func aWorkerThatReportedWorkMayNotBeSilent() {
        var world = SchedulerWorld.serving(Sample.split) { $0.idleWorkerLostSeconds = 8 }
        world.workers[.decode("c")]?.load.kvUsedTokens = 64
        world.pass(1)
        world.kill(.decode("c"))
        world.pass(4)
        #expect(!world.serves("d"))
    }

    @Test func aClosedConnectionIsLossAtOnce() {
        var world = SchedulerWorld.serving(Sample.split)
        world.submit("r1")
        let address = world.address(.decode("c"))
        world.kill(.decode("c"))
        world.send(.workerGone(address))
        #expect(world.lost == ["r1"])
        world.send(.workerGone(address))
        world.startWorker(.decode("c"))
        #expect(world.snapshot().ready)
        world.send(.workerGone(address))
        #expect(world.serves("d"), "the successor is another process")
    }

    /// The first process comes back when the one that replaced it has ended.
    @Test func aReplacedProcessIsLetBackWhenItsSuccessorIsLost() {
        var world = SchedulerWorld.serving(Sample.mixed)
        let first = world.address(.decode("b"))
        world.startWorker(.decode("b"))
        world.kill(.decode("b"))
        world.pass(4)
        world.workers[.decode("b")] = SchedulerWorld.Worker(session: 1)
        world.hello(.decode("b"))
        #expect(world.last.contains(.welcome(first)))
        #expect(world.serves("m2"))
    }

    /// Figures that cannot be meant neither end the scheduler nor keep it from working.
    @Test func hostileFiguresDoNoHarm() {
        var world = SchedulerWorld.serving(Sample.mixed)
        let address = world.address(.decode("a"))
        for value in [Int.min, .max, -1, 0] {
            var load = WorkerLoad(
                waiting: value, running: value, kvUsedTokens: value, residentBytes: value,
                counters: StageCounters(
                    prefillTokens: value, prefillSeconds: .nan, decodeSteps: value, decodeRows: value,
                    decodeSeconds: -.infinity, kvTransferBytes: value))
            world.send(.workerHeartbeat(address, load))
            load.counters.prefillSeconds = .greatestFiniteMagnitude
            world.send(.workerHeartbeat(address, load))
            world.send(.stagePrepared(address, epoch: .max, kvCapacityTokens: value, kvBlockTokens: value))
            world.send(.requestEvent(address, RequestReport("r", .finished(.stop), generatedTokens: value)))
        }
        var report = WorkerReport(
            address: address, endpoint: "tcp://a/decode", epoch: .max,
            stages: [
                ServedStage(
                    assignment: StageAssignment(plan: Sample.mixed, replica: "m1", stage: 77), formed: .max,
                    kvCapacityTokens: .max)
            ], kvBlockTokens: .min, held: [.init(request: "x", reservedTokens: .min, gatewayEndpoint: "g")])
        world.send(.workerHello(report))
        report.stages[0].kvCapacityTokens = .min
        world.restartScheduler()
        world.send(.workerHello(report))
        world.pass(10)
        world.startWorker(.decode("a"))
        world.startWorker(.decode("b"))
        world.pass(10)
        world.send(.proposal(Sample.mixed, reason: "again"))
        world.submit("r1")
        #expect(world.allStarted.contains { $0.request == "r1" })
    }

    /// Stopped and started again and again: nothing that lived for a while has crashed.
    @Test func restartsAreNoCrashes() {
        var world = SchedulerWorld.serving(Sample.mixed)
        for _ in 0..<8 {
            world.pass(9)
            world.startWorker(.decode("b"))
        }
        world.pass(3)
        #expect(world.serves("m2"))
        #expect(world.questions.last?.excludedDevices.isEmpty != false)
    }

    @Test func aCrashingDeviceIsUsedWhereNothingServesWithoutIt() {
        var world = SchedulerWorld.serving(Sample.split)
        for _ in 0..<6 {
            world.startWorker(.decode("b"))
            world.pass(1)
        }
        #expect(world.serves("d"))
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
        #expect(
            world.started.first?.route.prefillReplica == nil, "the decoder prefills while no prefill replica serves")
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
        let epoch = world.core.highestEpoch
        world.send(.workerHello(WorkerReport(address: old, endpoint: "tcp://old", epoch: 1)))
        #expect(!world.last.contains(.welcome(old)))
        world.send(.workerHeartbeat(old, WorkerLoad()))
        #expect(world.last.contains(.refuseHeartbeat(old)))
        #expect(world.core.highestEpoch == epoch)
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
        #expect(world.serves("m1"), "the surviving replica keeps its name")
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
        #expect(world.serves("m2"))
    }

    @Test func aCrashLoopTakesTheDeviceOut() {
        var world = SchedulerWorld.serving(Sample.mixed)
        for _ in 0..<5 {
            world.startWorker(.decode("b"))
            world.pass(1)
        }
        #expect(world.serves("m1"))
        world.pass(5)
        #expect(world.questions.last?.excludedDevices == ["b"])
    }

    @Test func aFailedRequestIsTakenElsewhere() {
        var world = SchedulerWorld.serving(Sample.mixed)
        world.submit("r1")
        let first = world.started.first?.route.decodeReplica
        let device = world.started.first?.route.decode.first?.device ?? "?"
        let fault = Fault("kernel", "broken", isRetriable: true)
        world.report("r1", .failed(fault), by: .decode(device))
        #expect(world.lost == ["r1"])
        world.submit("r1", prompt: 40, generated: 8)
        #expect(world.started.first?.route.decodeReplica != first)
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
