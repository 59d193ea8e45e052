import CostModel
import Domain
import Planning
import Protocol
import Simulation

/// Searches a plan by the algorithm that the order names, and weighs it against the plan in force.
struct PlanSearch: Sendable {
    let order: SearchOrder

    /// The plan; the same order and answers give the same plan, unless the time ran out.
    ///
    /// - Throws: `no_devices`, `model_does_not_fit` (the message says how much memory is missing), `no_plan`, or what the
    ///   partitioner reports.
    func run(_ partitioner: any PartitionSource) async throws(Fault) -> SearchOutcome {
        if let plan = order.settings.plan { return try GivenPlan.outcome(plan, order) }
        return order.settings.algorithm.isGenetic
            ? try await GeneticPlanSearch(order: order).run(partitioner)
            : try await PlacementPlanSearch(order: order).run()
    }
}

extension SearchOrder {
    /// What the planner is asked.
    func task() throws(PlanningError) -> PlanningTask {
        var limits = settings.limits(problem.model)
        limits.promisedContextTokens = min(max(0, contextTokens ?? 0), 1 << 24)
        var task = PlanningTask(
            cost: try problem.cost(),
            demand: PlanningDemand(workload, longestRequestTokens: limits.longestRequestTokens), limits: limits)
        (task.seed, task.inForce, task.moving, task.fleetVersion) = (seed, inForce, settings.moving, fleetVersion)
        (task.algorithm, task.genetic) = (settings.algorithm, settings.genetic)
        // Baselines group devices by their types.
        if settings.algorithm.baseline != nil { task.types = types }
        task.triesPlans = settings.triesPlans
        task.mayChangeRoles = true
        task.deadline = settings.searchSeconds
        // Workers batch by the plan.
        var services = SimulationSettings()
        services.largestBatch = nil
        services.chunkTokens = limits.chunkTokens ?? services.chunkTokens
        services.streams = limits.chunkTokens != nil
        task.services = services
        return task
    }

    /// The plan in force as an answer: for the traffic and the fleet of this order.
    func keeping(_ inForce: PlacementPlan, rate: Double?) -> PlacementPlan {
        var plan = inForce
        (plan.workload, plan.fleetVersion) = (workload, fleetVersion)
        if let rate { plan.predictedRequestsPerSecond = rate }
        return plan
    }
}

extension Fault {
    init(_ error: PlanningError) {
        let code = error.code == .noUsableDevice ? "no_devices" : error.code.rawValue
        // A device that joins may change anything but damaged input.
        self.init(code, error.message, isRetriable: error.code != .invalidInput)
    }
}
