import CostModel
import Domain
import Planning
import ServiceRuntime

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
        let limits = settings.limits(order.problem.model)
        let planner = PlacementPlanner(seed: order.seed)
        let result = try planner.plan(
            cost: cost, demand: PlanningDemand(order.workload), limits: limits, inForce: order.inForce,
            moving: settings.moving, deadline: settings.searchSeconds,
            elapsed: { (ContinuousClock.now - start) / .seconds(1) })
        var plan = result.placementPlan(algorithm: "default (seed \(order.seed))", fleetVersion: order.fleetVersion)
        if result.wasStopped { plan.relaxations.append("the search was stopped before its end: time was up") }
        var move: PlanMove?
        if let inForce = order.inForce, let decision = result.move {
            move = PlanMove(decision, from: inForce.id)
            if !decision.moves { plan = order.keeping(inForce, rate: result.placed.rate) }
        }
        return SearchOutcome(plan: plan, move: move, seconds: (ContinuousClock.now - start) / .seconds(1))
    }
}
