import CostModel
import Domain
import Foundation
import Planning
import Scenarios
import Simulation
import Testing

/// A seed gives the same plan on every machine and with every later version: what stands in `Tests/Fixtures/golden/plans`.
///
/// Where a change of a planner is meant to change plans, remove the file and run the test twice: the first run writes it.
@Suite struct GoldenPlanTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures/golden/plans")

    private static func task(_ algorithm: PlanningAlgorithm) throws -> PlanningTask {
        let fleet = try FleetGenerator(deviceCount: 8, seed: 21).fleet()
        let model = try #require(ModelCatalogue.named("llama-3-8b-q4"))
        let demand = PlanningDemand(rate: 0.3, promptTokens: 700, outputTokens: 150, longestRequestTokens: 2048)
        var task = PlanningTask(cost: try fleet.cost(model), demand: demand)
        (task.algorithm, task.seed, task.fleetVersion) = (algorithm, 5, 3)
        return task
    }

    @Test(arguments: PlanningAlgorithm.allCases)
    func isWhatItWas(_ algorithm: PlanningAlgorithm) throws {
        let plan = try Self.task(algorithm).answer().plan
        let file = Self.folder.appendingPathComponent("\(algorithm.rawValue).json")
        guard let data = try? Data(contentsOf: file) else {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            try FileManager.default.createDirectory(at: Self.folder, withIntermediateDirectories: true)
            try encoder.encode(plan).write(to: file)
            Issue.record("there was no golden plan; it has been written to \(file.path)")
            return
        }
        let golden = try JSONDecoder().decode(PlacementPlan.self, from: data)
        #expect(plan.kvType == golden.kvType && plan.idleDevices == golden.idleDevices)
        #expect(plan.relaxations == golden.relaxations && plan.algorithm == golden.algorithm)
        try #require(plan.replicas.count == golden.replicas.count)
        for (replica, expected) in zip(plan.replicas, golden.replicas) {
            #expect(replica.id == expected.id && replica.role == expected.role)
            #expect(replica.stages.map(\.device) == expected.stages.map(\.device))
            #expect(replica.stages.map(\.layers) == expected.stages.map(\.layers))
            #expect(replica.decodeConcurrency == expected.decodeConcurrency)
            #expect(replica.kvCapacityTokens == expected.kvCapacityTokens)
            #expect(replica.microBatches == expected.microBatches)
            #expect(replica.mixedChunkTokens == expected.mixedChunkTokens)
            // Libraries of mathematics differ in the last bits.
            expectClose(replica.predictedRequestsPerSecond, expected.predictedRequestsPerSecond)
            expectClose(replica.predictedTokenGapSeconds, expected.predictedTokenGapSeconds)
        }
        expectClose(plan.predictedRequestsPerSecond, golden.predictedRequestsPerSecond)
        expectClose(plan.objective, golden.objective)
    }

    private func expectClose(_ value: Double, _ expected: Double) {
        #expect(abs(value - expected) <= 1e-9 * max(abs(value), abs(expected)), "\(value), not \(expected)")
    }
}
