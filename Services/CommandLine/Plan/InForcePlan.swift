import Domain
import Planning
import Scenarios

/// The plan file of a plan that is in force.
struct InForcePlan {
    var path: String

    /// The plan for a scenario: the one of its name, or the only one. Devices may have gone since it was made.
    func read(_ scenario: Scenario) throws -> PlacementPlan {
        let plans = try ScenarioOptions.reading(path) { try PlanFile.read($0) }
        guard let plan = plans.first(where: { $0.scenario == scenario.name }) ?? (plans.count == 1 ? plans.first : nil)
        else {
            throw Failure(.failed, "\(path): no plan for \(scenario.name) among \(plans.map(\.scenario))")
        }
        let replicas = plan.groups.map { group in
            PlanReplica(
                id: ReplicaID(group.id), role: group.role, stages: group.planStages, decodeConcurrency: 0,
                kvCapacityTokens: 0, predictedRequestsPerSecond: 0, predictedTokenGapSeconds: 0)
        }
        let placement = PlacementPlan(
            id: PlanID(path), model: scenario.model.digest, fleetVersion: 0, workload: scenario.demand.statistics,
            replicas: replicas, predictedRequestsPerSecond: 0, objective: 0, algorithm: "file")
        if let problem = placement.problem(layers: scenario.model.layers) {
            throw Failure(.failed, "\(path): \(problem)")
        }
        return placement
    }
}
