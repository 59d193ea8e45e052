import Domain
import Foundation
import Testing

/// Fleets that are imagined, and plans beside each other.
@Suite struct FleetChangesTests {
    private static func device(_ id: DeviceID) -> DeviceProfile {
        DeviceProfile(
            id: id, fingerprint: "f", host: "h", threads: 1, computeShare: 1, memoryUsableBytes: 1, state: .ready)
    }

    private let fleet = Fleet(
        version: 3, devices: ["a", "b", "c"].map { device($0) },
        links: [
            LinkProfile(from: "a", to: "b", latencySeconds: 0.5, bytesPerSecond: 100),
            LinkProfile(from: "b", to: "a", latencySeconds: 0.25, bytesPerSecond: 200),
        ])

    @Test func linksChangeInOneDirectionAndStayInOrder() {
        let changed = fleet.changing([
            FleetChanges.Link(from: "c", to: "a", latencySeconds: 1, bytesPerSecond: 10),
            FleetChanges.Link(from: "a", to: "b", bytesPerSecond: 50),
            FleetChanges.Link(from: "a", to: "c", latencySeconds: 1, bytesPerSecond: 10),
            FleetChanges.Link(from: "a", to: "c", latencySeconds: 2),
            FleetChanges.Link(from: "b", to: "c", latencySeconds: 2),
        ])
        #expect(
            changed.links == [
                LinkProfile(from: "a", to: "b", latencySeconds: 0.5, bytesPerSecond: 50),
                LinkProfile(from: "a", to: "c", latencySeconds: 2, bytesPerSecond: 10),
                LinkProfile(from: "b", to: "a", latencySeconds: 0.25, bytesPerSecond: 200),
                LinkProfile(from: "c", to: "a", latencySeconds: 1, bytesPerSecond: 10),
            ])
        #expect(changed.devices == fleet.devices && changed.version == 3)
        #expect(fleet.changing([]) == fleet)
    }

    @Test func changesThatCannotBeMadeAreNamed() {
        func field(_ changes: FleetChanges) -> String? { changes.problem(in: fleet)?.field }
        typealias Link = FleetChanges.Link
        #expect(field(FleetChanges()) == nil)
        #expect(
            field(
                FleetChanges(
                    without: ["c"], links: [Link(from: "a", to: "b", bytesPerSecond: 1)],
                    slowdowns: [DeviceSlowdown(device: "a", factor: 2)])) == nil)
        #expect(field(FleetChanges(without: ["d"])) == "without")
        for link in [
            Link(from: "a", to: "d", latencySeconds: 1, bytesPerSecond: 1),
            Link(from: "a", to: "a", latencySeconds: 1, bytesPerSecond: 1), Link(from: "a", to: "b"),
            Link(from: "a", to: "b", latencySeconds: -1), Link(from: "a", to: "b", latencySeconds: .nan),
            Link(from: "a", to: "b", bytesPerSecond: 0), Link(from: "a", to: "b", bytesPerSecond: .infinity),
            Link(from: "a", to: "c", latencySeconds: 1),
        ] {
            #expect(field(FleetChanges(links: [link])) == "links", "\(link)")
        }
        for factor in [0.5, 1001, -.infinity, .nan] {
            let changes = FleetChanges(slowdowns: [DeviceSlowdown(device: "a", factor: factor)])
            #expect(field(changes) == "slowdowns", "\(factor)")
        }
        #expect(field(FleetChanges(slowdowns: [DeviceSlowdown(device: "d", factor: 2)])) == "slowdowns")
        let many = FleetChanges(without: Array(repeating: "a", count: FleetChanges.mostEntries + 1))
        #expect(field(many) == "without")
    }

    private func plan(_ replicas: [(ReplicaRole, [(String, Int, Int)])], idle: [DeviceID] = []) -> PlacementPlan {
        PlacementPlan(
            id: "p", model: "m", fleetVersion: 1,
            workload: WorkloadStatistics(meanPromptTokens: 100, meanOutputTokens: 10),
            replicas: replicas.enumerated().map { index, replica in
                PlanReplica(
                    id: ReplicaID("r\(index)"), role: replica.0,
                    stages: replica.1.map { PlanStage(device: DeviceID($0.0), layers: LayerRange($0.1, $0.2)) },
                    decodeConcurrency: 1, kvCapacityTokens: 100, predictedRequestsPerSecond: 1,
                    predictedTokenGapSeconds: 0.1)
            }, idleDevices: idle, predictedRequestsPerSecond: 2, objective: 0, algorithm: "test")
    }

    @Test func plansAreComparedDeviceByDevice() throws {
        let comparison = PlanComparison(
            inForce: plan([(.mixed, [("a", 0, 4)]), (.mixed, [("b", 0, 2), ("c", 2, 4)])]),
            preview: plan([(.mixed, [("b", 0, 2), ("d", 2, 4)]), (.mixed, [("a", 0, 4)])], idle: ["e"]),
            inForceRequestsPerSecond: nil, move: nil, searchSeconds: 1)
        #expect(comparison.devices.map(\.device) == ["a", "b", "c", "d", "e"])
        // Another replica's name alone is no difference.
        #expect(comparison.devices.map(\.differs) == [false, false, true, true, false])
        #expect(comparison.devices[2].now?.layers == LayerRange(2, 4) && comparison.devices[2].then == nil)
        #expect(comparison.preview.promptTokensPerSecond == 200 && comparison.preview.outputTokensPerSecond == 20)
        let alone = PlanComparison(
            inForce: nil, preview: plan([(.mixed, [("a", 0, 4)])]), inForceRequestsPerSecond: nil, move: nil,
            searchSeconds: 1)
        #expect(alone.inForce == nil && alone.devices.map(\.differs) == [true])
        let written = try JSONEncoder().encode(comparison)
        #expect(try JSONDecoder().decode(PlanComparison.self, from: written) == comparison)
    }
}
