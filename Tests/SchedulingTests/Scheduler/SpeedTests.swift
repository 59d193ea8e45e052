import Domain
import Testing

@testable import Scheduling

/// Devices that become slow.
@Suite struct SpeedTests {
    private static let devices: [DeviceID] = ["a", "b", "c"]
    private static let plan = Sample.plan("three", devices.map { Sample.replica(ReplicaID("m\($0)"), .mixed, [$0]) })

    /// Every device decodes all the time; `seconds` a step.
    private func work(_ world: inout SchedulerWorld, _ rounds: Int, seconds: [DeviceID: Double]) {
        for _ in 0..<rounds {
            for device in Self.devices {
                let key = WorkerKey(device, .decode)
                var load = world.workers[key]?.load ?? WorkerLoad()
                load.counters.decodeSteps += 40
                load.counters.decodeRows += 40
                load.counters.decodeSeconds += 40 * (seconds[device] ?? 0.03)
                world.workers[key]?.load = load
            }
            world.pass(1)
        }
    }

    @Test func aSlowDeviceIsPlannedAroundAndGetsAnotherChance() {
        var world = SchedulerWorld.serving(Self.plan, devices: Self.devices)
        work(&world, 20, seconds: [:])
        let before = world.questions.count
        work(&world, 8, seconds: ["b": 0.12])
        #expect(world.questions.count == before, "a moment is no reason")
        work(&world, 20, seconds: ["b": 0.12])
        #expect(world.questions.count == before + 1)
        #expect(world.questions.last?.reason == "device b takes 4 times as long as usual")
        #expect(world.questions.last?.slowdowns == [DeviceSlowdown(device: "b", factor: 4)])
        world.send(.proposal(Self.plan, reason: "stays"))
        work(&world, 30, seconds: ["b": 0.12])
        #expect(world.questions.count == before + 1, "it is known")
        work(&world, 60, seconds: [:])
        #expect(world.questions.last?.reason == "device b may be as fast as usual again")
        #expect(world.questions.last?.slowdowns == nil)
    }

    /// A link that carries much less is a reason for one question, a square wave of its rate for one change of plans at most.
    @Test func aLinkThatBecomesSlowIsPlannedAround() {
        let plan = Sample.plan(
            "split", [Sample.replica("p", .prefill, ["a"]), Sample.replica("d", .decode, ["b", "c"])])
        var world = SchedulerWorld.serving(plan, devices: Self.devices)
        func publish(_ rate: Double, _ world: inout SchedulerWorld) {
            var fleet = Sample.fleet(Self.devices, version: world.core.fleet.version + 1)
            fleet.links = [LinkProfile(from: "a", to: "b", latencySeconds: 1e-3, bytesPerSecond: rate)]
            world.send(.fleet(fleet))
            world.pass(4)
        }
        publish(1e7, &world)
        let before = world.questions.count
        // What the first question knew of links is what later figures are held against.
        #expect(before == 1)
        world.core.plannedLinks = world.core.fleet.links
        publish(5e6, &world)
        #expect(world.questions.count == before, "half as fast is no reason")
        publish(1e6, &world)
        #expect(world.questions.count == before + 1)
        #expect(world.questions.last?.reason == "the link from a to b carries 1000 kB/s, 10000 when it was planned")
        let other = Sample.plan(
            "mixed", Self.devices.map { Sample.replica(ReplicaID("m\($0)"), .mixed, [$0]) }, rate: 2)
        world.send(.proposal(other, reason: "the link is slow"))
        world.pass(5)
        #expect(world.snapshot().plan?.id == "mixed")
        for _ in 0..<5 {
            for (rate, proposal) in [(1e7, plan), (1e6, other)] {
                publish(rate, &world)
                var proposal = proposal
                proposal.predictedRequestsPerSecond = 4
                proposal.id = PlanID("\(proposal.id)-\(world.core.fleet.version)")
                world.send(.proposal(proposal, reason: "asked"))
                world.pass(30)
            }
        }
        #expect(
            world.snapshot().plan.map { PlanMatching.isSame($0, other) } == true, "what was left is not taken again")
    }

    @Test func whatSlowsAllDevicesMakesNoneOfThemSlow() {
        var world = SchedulerWorld.serving(Self.plan, devices: Self.devices)
        work(&world, 20, seconds: [:])
        let before = world.questions.count
        work(&world, 40, seconds: ["a": 0.2, "b": 0.2, "c": 0.2])
        #expect(world.questions.count == before)
    }

    /// A square wave of speed: a quick one asks for a plan once at most, a slow one until it is known for what it is.
    @Test(arguments: [2, 5, 10, 50]) func aDeviceThatIsSlowNowAndThen(_ half: Int) {
        var world = SchedulerWorld.serving(Self.plan, devices: Self.devices)
        work(&world, 20, seconds: [:])
        let before = world.questions.count
        for _ in 0..<(300 / half) {
            work(&world, half, seconds: ["b": 0.12])
            if world.questions.count > before { world.send(.proposal(Self.plan, reason: "stays")) }
            work(&world, half, seconds: [:])
            if world.questions.count > before { world.send(.proposal(Self.plan, reason: "stays")) }
        }
        let asked = world.questions.count - before
        #expect(asked <= (half >= 50 ? 3 : 1), "\(asked) questions")
        #expect(world.snapshot().plan?.id == "three")
    }
}
