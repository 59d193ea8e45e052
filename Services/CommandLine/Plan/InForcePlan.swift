import Domain
import Planning
import Scenarios
import Simulation

/// The plan file of a plan that is in force, or the record of a run with its plan.
struct InForcePlan {
    var path: String

    /// The plan for a scenario: the one of its name, or the only one. Devices may have gone since it was made.
    func read(_ scenario: Scenario) throws -> PlacementPlan {
        if try RecordFile.isOne(path) {
            return try Self.checked(try RecordFile.read(path).plan, path: path, scenario)
        }
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
            replicas: replicas, predictedRequestsPerSecond: 0, objective: 0, algorithm: "file", kvType: plan.kvType)
        return try Self.checked(placement, path: path, scenario)
    }

    /// A plan that a file holds, if it is one for the scenario's model.
    static func checked(_ plan: PlacementPlan?, path: String, _ scenario: Scenario) throws -> PlacementPlan {
        guard let plan else { throw Failure(.failed, "\(path): the record has no plan") }
        if let problem = plan.problem(layers: scenario.model.layers) {
            throw Failure(.failed, "\(path): \(problem)")
        }
        return plan
    }
}
