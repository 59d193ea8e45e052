import Domain
import Scheduling
import Testing

/// The scheduler does as the clusterer found, if that is about the plan in force.
@Suite struct MoveTests {
    private static let devices: [DeviceID] = ["a", "b", "c", "e"]
    private static func other(rate: Double) -> PlacementPlan {
        Sample.plan(
            "moved", [Sample.replica("x", .prefill, ["e"]), Sample.replica("y", .decode, ["b", "c"])], rate: rate)
    }

    private static func move(from plan: PlanID, replaces: Bool) -> PlanMove {
        PlanMove(
            planInForce: plan, replaces: replaces, horizonSeconds: 600, gainRequestSeconds: 1, costRequestSeconds: 2,
            reason: "because of the test")
    }

    @Test func aMoveIsMadeWhateverTheRatesSay() {
        var world = SchedulerWorld.serving(Sample.split, devices: Self.devices)
        let slower = Self.other(rate: Sample.split.predictedRequestsPerSecond / 2)
        world.send(.proposal(slower, reason: "test", move: Self.move(from: Sample.split.id, replaces: true)))
        #expect(world.snapshot().plan?.id == "moved")
    }

    @Test func aMoveThatIsNotWorthItsCostIsNotMade() {
        var world = SchedulerWorld.serving(Sample.split, devices: Self.devices)
        let faster = Self.other(rate: Sample.split.predictedRequestsPerSecond * 10)
        world.send(.proposal(faster, reason: "test", move: Self.move(from: Sample.split.id, replaces: false)))
        #expect(world.snapshot().plan?.id == Sample.split.id)
        let said = world.log.contains {
            if case .note(let text) = $0 { text.contains("because of the test") } else { false }
        }
        #expect(said)
    }

    @Test func whatWasFoundAboutAnotherPlanIsIgnored() {
        var world = SchedulerWorld.serving(Sample.split, devices: Self.devices)
        let slower = Self.other(rate: Sample.split.predictedRequestsPerSecond / 2)
        world.send(.proposal(slower, reason: "test", move: Self.move(from: "an older plan", replaces: true)))
        #expect(world.snapshot().plan?.id == Sample.split.id)
    }
}
