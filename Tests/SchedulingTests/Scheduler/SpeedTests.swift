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
                load.decodeSteps += 40
                load.decodeRows += 40
                load.decodeSeconds += 40 * (seconds[device] ?? 0.03)
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
        #expect(world.questions.last?.slowdowns == ["b": 4])
        world.send(.proposal(Self.plan, reason: "stays"))
        work(&world, 30, seconds: ["b": 0.12])
        #expect(world.questions.count == before + 1, "it is known")
        work(&world, 60, seconds: [:])
        #expect(world.questions.last?.reason == "device b may be as fast as usual again")
        #expect(world.questions.last?.slowdowns == [:])
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
