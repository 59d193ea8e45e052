import CostModel
import Domain
import Planning
import ServiceRuntime
import Simulation

/// Runs the default planner on a thread of its own.
struct PlacementPlanSearch: Sendable {
    let order: SearchOrder

    /// The plan.
    ///
    /// - Throws: as `PlanSearch.run`.
    func run() async throws(Refusal) -> SearchOutcome {
        let order = order
        return try await OwnThread.run(name: "plan-search") { () -> Result<SearchOutcome, Refusal> in
            do throws(PlanningError) {
                return .success(try Self.search(order))
            } catch {
                return .failure(Refusal(error))
            }
        }.get()
    }

    private static func search(_ order: SearchOrder) throws(PlanningError) -> SearchOutcome {
        let start = ContinuousClock.now
        let settings = order.settings
        let cost = try order.problem.cost()
        var limits = settings.limits(order.problem.model)
        limits.promisedContextTokens = min(max(0, order.contextTokens ?? 0), 1 << 24)
        let demand = PlanningDemand(order.workload, longestRequestTokens: limits.longestRequestTokens)
        var planner = PlacementPlanner(seed: order.seed)
        if settings.triesPlans {
            var trial = SimulatedTrial(cost: cost, demand: demand, limits: limits)
            // Workers batch by the plan.
            trial.settings.largestBatch = nil
            trial.seed = order.seed
            planner.trial = trial
        }
        let result = try planner.plan(
            cost: cost, demand: demand, limits: limits, inForce: order.inForce,
            moving: settings.moving, deadline: settings.searchSeconds,
            elapsed: { (ContinuousClock.now - start) / .seconds(1) })
        var plan = result.placementPlan(algorithm: result.algorithm(seed: order.seed), fleetVersion: order.fleetVersion)
        if result.wasStopped { plan.relaxations.append("the search was stopped before its end: time was up") }
        var move: PlanMove?
        if let inForce = order.inForce, let decision = result.move {
            move = PlanMove(decision, from: inForce.id)
            if !decision.moves { plan = order.keeping(inForce, rate: result.placed.rate) }
        }
        return SearchOutcome(plan: plan, move: move, seconds: (ContinuousClock.now - start) / .seconds(1))
    }
}
