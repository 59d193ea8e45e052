import Domain
import Planning
import Scenarios
import Simulation

/// Asks a planner about a scenario.
struct ScenarioPlanner {
    /// What came out, and how long it took.
    struct Answer {
        var plan: PlacementPlan
        /// The whole answer; the paper's algorithm has only the plan.
        var result: PlanningResult?
        /// Where a plan is in force: whether to move to this one.
        var move: PlanMove?
        var seconds: Double
    }

    var algorithm: PlanningAlgorithm
    var objective: PlanObjective
    var limits: PlanningLimits
    var seed: UInt64
    var deadline: Double?
    var inForce: InForcePlan?
    var moving = MovingPolicy()
    var trials: Bool

    init(_ choices: PlanningChoices) throws {
        algorithm = try choices.planner()
        objective = try choices.planObjective
        limits = try choices.limits
        seed = choices.seed
        trials = choices.trials
        deadline = try choices.deadlineSeconds
        inForce = choices.inForce.map { InForcePlan(path: $0) }
        moving.horizonSeconds = choices.horizon
        if let problem = moving.problem { throw Failure(.usage, "--\(problem)") }
    }

    /// Plans.
    ///
    /// - Throws: `ScenarioError` or `PlanningError`, naming what is wrong.
    func plan(_ scenario: Scenario) throws -> Answer {
        let start = ContinuousClock.now
        let elapsed: @Sendable () -> Double = { (ContinuousClock.now - start) / .seconds(1) }
        if case .energy = objective, scenario.fleet.powerWatts.isEmpty {
            throw Failure(.usage, "--objective energy: no device of \(scenario.fleet.name) has power_w")
        }
        var task = PlanningTask(
            cost: try scenario.fleet.cost(scenario.model), demand: scenario.demand, limits: limits)
        (task.algorithm, task.objective, task.seed, task.moving) = (algorithm, objective, seed, moving)
        task.powerWatts = scenario.fleet.powerWatts
        (task.types, task.sites) = (scenario.fleet.types, scenario.fleet.sites)
        task.inForce = try inForce?.read(scenario)
        task.triesPlans = trials
        task.deadline = deadline
        let answer = try task.answer(elapsed: elapsed)
        return Answer(plan: answer.plan, result: answer.result, move: answer.move, seconds: elapsed())
    }
}
