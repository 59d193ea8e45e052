import CostModel
import Domain
import Planning
import ServiceRuntime
import Simulation
import Synchronization

/// Runs the default planner on a thread of its own; it ends early when its task is cancelled.
struct PlacementPlanSearch: Sendable {
    let order: SearchOrder

    /// The plan.
    ///
    /// - Throws: as `PlanSearch.run`.
    func run() async throws(Refusal) -> SearchOutcome {
        let order = order
        let isCancelled = Mark()
        return try await withTaskCancellationHandler {
            await OwnThread.run(name: "plan-search") { () -> Result<SearchOutcome, Refusal> in
                do throws(PlanningError) {
                    return .success(try Self.search(order, isCancelled))
                } catch {
                    return .failure(Refusal(error))
                }
            }
        } onCancel: {
            isCancelled.set()
        }.get()
    }

    /// Set once, from any thread.
    private final class Mark: Sendable {
        private let value = Atomic(false)

        var isSet: Bool { value.load(ordering: .relaxed) }

        func set() { value.store(true, ordering: .relaxed) }
    }

    /// Share of the time after which a trial that still runs is given up; the planner begins none after it either.
    private static let trialShare = 0.85

    private static func search(_ order: SearchOrder, _ isCancelled: Mark) throws(PlanningError) -> SearchOutcome {
        let start = ContinuousClock.now
        let settings = order.settings
        // Time is up at once for a search that nobody waits for.
        let elapsed: @Sendable () -> Double = {
            isCancelled.isSet ? .infinity : (ContinuousClock.now - start) / .seconds(1)
        }
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
            trial.shouldStop = { elapsed() > Self.trialShare * settings.searchSeconds }
            planner.trial = trial
        }
        func plan(_ limits: PlanningLimits) throws(PlanningError) -> PlanningResult {
            try planner.plan(
                cost: cost, demand: demand, limits: limits, inForce: order.inForce, moving: settings.moving,
                deadline: settings.searchSeconds, elapsed: elapsed)
        }
        var result: PlanningResult
        var missed: String?
        do throws(PlanningError) {
            result = try plan(limits)
        } catch {
            // Roles that were asked for are given up rather than the service, where devices are lost.
            guard limits.roles != .any, error.code == .noPlan else { throw error }
            missed = "roles \(settings.roles.rawValue) are not possible with these devices: \(error.message)"
            limits.roles = .any
            result = try plan(limits)
        }
        var plan = result.placementPlan(algorithm: result.algorithm(seed: order.seed), fleetVersion: order.fleetVersion)
        if let missed { plan.relaxations.append(missed) }
        if result.wasStopped { plan.relaxations.append("the search was stopped before its end: time was up") }
        var move: PlanMove?
        if let inForce = order.inForce, let decision = result.move {
            move = PlanMove(decision, from: inForce.id)
            if !decision.moves { plan = order.keeping(inForce, rate: result.placed.rate) }
        }
        return SearchOutcome(plan: plan, move: move, seconds: (ContinuousClock.now - start) / .seconds(1))
    }
}
