import ArgumentParser
import CostModel
import Domain
import Planning
import Scenarios
import Simulation
import Testing

@testable import CommandLineTool

/// One question, one answer, whoever asks.
@Suite struct PlanningTaskTests {
    private static func key(_ plan: PlacementPlan) -> [String] {
        plan.replicas.map { "\($0.role) " + $0.stages.map { "\($0.device) \($0.layers)" }.joined(separator: ", ") }
            .sorted()
    }

    private static func question() throws -> (SimulatedFleet, PlanningDemand) {
        let described = try FleetGenerator(deviceCount: 7, seed: 3).fleet()
        let model = try #require(ModelCatalogue.named("llama-3-8b-q4"))
        let demand = PlanningDemand(rate: 0.4, promptTokens: 500, outputTokens: 120, longestRequestTokens: 2048)
        return (SimulatedFleet(name: "drawn", cost: try described.cost(model)), demand)
    }

    @Test func theCommandAndTheSimulatorPlanTheSame() throws {
        let (fleet, demand) = try Self.question()
        let simulated = try SimulatedSystem.e2llm.plan(fleet, demand, SystemConditions()).plan
        let choices = try PlanningChoices.parse([])
        var task = PlanningTask(cost: fleet.cost, demand: demand, limits: try choices.limits)
        task.seed = choices.seed
        #expect(Self.key(try task.answer().plan) == Self.key(simulated))
    }

    @Test(arguments: PlanningAlgorithm.allCases) func everyAlgorithmAnswers(_ algorithm: PlanningAlgorithm) throws {
        let (fleet, demand) = try Self.question()
        var task = PlanningTask(cost: fleet.cost, demand: demand)
        task.algorithm = algorithm
        task.triesPlans = false
        let first = try task.answer()
        #expect(!first.plan.replicas.isEmpty && first.move == nil)
        #expect(try task.answer().plan.id == first.plan.id)
        // A plan in force is weighed by all of them.
        task.inForce = first.plan
        #expect(try task.answer().move != nil)
    }

    @Test func rolesAreGivenUpOnlyWhereThatIsAllowed() throws {
        let (fleet, demand) = try Self.question()
        let one = try FleetCost(
            model: fleet.cost.model,
            devices: Array(fleet.cost.devices.sorted { $0.memoryBytes > $1.memoryBytes }.prefix(1)),
            network: fleet.cost.network)
        var task = PlanningTask(cost: one, demand: demand)
        task.limits.roles = .split
        task.limits.mayReduceContext = true
        task.triesPlans = false
        #expect(throws: PlanningError.self) { try task.answer() }
        task.mayChangeRoles = true
        let plan = try task.answer().plan
        #expect(plan.replicas.allSatisfy { $0.role == .mixed })
        #expect(plan.relaxations.contains { $0.hasPrefix("roles split are not possible") })
    }
}
