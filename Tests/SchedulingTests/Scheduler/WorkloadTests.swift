import Domain
import Scheduling
import Testing

/// Traffic statistics and drift.
@Suite struct WorkloadTests {
    private static func statistics(_ world: SchedulerWorld) -> WorkloadStatistics? {
        world.log.reversed().lazy.compactMap { if case .publishWorkload(let value) = $0 { value } else { nil } }.first
    }

    @Test func meansOverTheWindow() throws {
        var world = SchedulerWorld.serving(Sample.split)
        for index in 0..<10 {
            let id = RequestID("r\(index)")
            world.submit(id, prompt: 40 + index, max: 50)
            world.finish(id, on: .decode("b"), generated: 20)
            world.pass(1)
        }
        let seen = try #require(Self.statistics(world))
        #expect(seen.sampleCount == 10)
        #expect(seen.meanPromptTokens == 44.5)
        #expect(seen.meanOutputTokens == 20)
        #expect(abs(seen.requestsPerSecond - 1) < 0.15)
        #expect(seen.arrivalVariation < 0.01)
        world.pass(400)
        #expect(world.snapshot().workload.sampleCount == 0, "the window has passed")
    }

    @Test func continuedRequestsAreNotCountedTwice() throws {
        var world = SchedulerWorld.serving(Sample.split)
        world.submit("r1")
        world.report("r1", .decodeStarted, by: .decode("b"))
        world.startWorker(.decode("c"))
        world.submit("r1", prompt: 40, generated: 8)
        world.pass(2)
        let seen = try #require(Self.statistics(world))
        #expect(seen.sampleCount == 1)
    }

    @Test func driftAsksForAPlanOnce() {
        var world = SchedulerWorld.serving(Sample.split) { $0.driftSamples = 10 }
        let before = world.questions.count
        for index in 0..<20 {
            let id = RequestID("r\(index)")
            world.submit(id, prompt: 900, max: 50)
            world.finish(id, on: .decode("b"), generated: 128)
            world.pass(1)
        }
        #expect(world.questions.count == before + 1)
        #expect(world.questions.last?.reason.contains("prompt length drifted") == true)
        #expect(world.questions.last?.workload?.meanPromptTokens == 900)
        #expect(world.questions.last?.planInForce?.id == "split")
        // The clusterer finds the plan that is in force already: the traffic is now what it was made for.
        var plan = Sample.split
        plan.id = "same"
        plan.workload = world.questions.last?.workload ?? WorkloadStatistics()
        world.send(.proposal(plan, reason: "drift"))
        world.pass(100)
        #expect(world.questions.count == before + 1)
        #expect(world.snapshot().plan?.id == "split")
    }

    @Test func fewRequestsAreNoDrift() {
        var world = SchedulerWorld.serving(Sample.split)
        let before = world.questions.count
        for index in 0..<20 {
            let id = RequestID("r\(index)")
            world.submit(id, prompt: 900, max: 50)
            world.finish(id, on: .decode("b"), generated: 128)
        }
        world.pass(10)
        #expect(world.questions.count == before)
    }
}
