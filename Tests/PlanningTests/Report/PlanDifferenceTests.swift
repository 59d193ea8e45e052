import CostModel
import Domain
import Testing

@testable import Planning

/// What a device more or less changes.
@Suite("Differences of plans") struct PlanDifferenceTests {
    private static func result(_ devices: [String], rate: Double = 0.1) throws -> PlanningResult {
        let question = try BaselineFleets.toy(
            devices.map { BaselineFleets.Device(id: DeviceID($0), flops: 5e11, memory: 2_000_000_000) },
            demand: PlanningDemand(rate: rate, promptTokens: 500, outputTokens: 100))
        var limits = question.instance.limits
        limits.minimumTokensPerSecond = 0
        limits.roles = .mixed
        return try PlacementPlanner().plan(
            cost: question.instance.cost, demand: question.instance.demand, limits: limits)
    }

    @Test func aDeviceMoreIsANewGroup() throws {
        let difference = PlanDifference(before: try Self.result(["a", "b"]), after: try Self.result(["a", "b", "c"]))
        #expect(difference.added == ["c"] && difference.removed.isEmpty && difference.leftOut.isEmpty)
        #expect(difference.keptGroups == 2 && difference.changes.count == 1)
        let change = try #require(difference.changes.first)
        #expect(change.before == nil && change.gained == ["c"] && change.rate.before == 0 && change.rate.after > 0)
        #expect(abs(difference.rate.share - 0.5) < 1e-6)
        #expect(difference.certainty == .provedBetter)
        #expect(difference.waiting.after < difference.waiting.before)
        let text = difference.lines.joined(separator: "\n")
        #expect(text.contains("Added: c.") && text.contains("(+50 %)") && text.contains("mixed-3 is new: c;"))
        #expect(text.contains("2 groups stay as they were; changed:"))
    }

    @Test func aDeviceLessDissolvesOne() throws {
        let difference = PlanDifference(before: try Self.result(["a", "b", "c"]), after: try Self.result(["a", "c"]))
        #expect(difference.removed == ["b"] && difference.added.isEmpty)
        #expect(difference.certainty == .provedWorse)
        #expect(difference.changes.map(\.lost) == [["b"]] && difference.changes.first?.after == nil)
        let text = difference.lines.joined(separator: "\n")
        #expect(text.contains("Removed: b.") && text.contains("mixed-2 is dissolved: b."))
        #expect(text.contains("No plan with the change reaches the rate without it."))
    }

    @Test func theSameFleetIsTheSamePlan() throws {
        let result = try Self.result(["a", "b"])
        let difference = PlanDifference(before: result, after: result)
        #expect(difference.changes.isEmpty && difference.keptGroups == 2 && difference.rate.share == 0)
        #expect(difference.certainty == .open)
        #expect(difference.lines.contains("All groups stay as they are."))
        let other = PlanDifference(before: result, after: try Self.result(["a", "b"], rate: 0.2))
        #expect(other.lines.contains { $0.hasPrefix("Waits are not compared: 0.1 and then 0.2 requests/s") })
    }

    @Test func groupsAreFollowedByTheirDevices() throws {
        let before = try Self.result(["a", "b"])
        let after = try Self.result(["a", "b"])
        func changed(_ change: (inout [GroupOption]) -> Void) -> GroupPairs {
            var groups = after.placed.groups
            change(&groups)
            var routes = KVRoutes(after.instance)
            var result = after
            result.placed = PlacedGroups(groups, after.instance, &routes)
            return GroupPairs(before, result)
        }
        let flipped = changed { $0[0].role = .prefill }
        #expect(flipped.kept == 1 && flipped.changes.first?.roleBefore == .mixed)
        #expect(flipped.changes.first?.roleAfter == .prefill && flipped.changes.first?.moved == [])
        let joined = changed { groups in
            groups[0].order += groups[1].order
            groups[0].layers = [5, 3]
            groups.remove(at: 1)
        }
        #expect(joined.kept == 0 && joined.changes.count == 2)
        #expect(joined.changes[0].gained == ["b"] && joined.changes[0].moved == ["a"])
        #expect(joined.changes[1].after == nil && joined.changes[1].lost == ["b"])
    }
}
