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

    var algorithm: PlanningChoices.Algorithm
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
        func elapsed() -> Double {
            let (seconds, attoseconds) = start.duration(to: .now).components
            return Double(seconds) + Double(attoseconds) * 1e-18
        }
        let cost = try scenario.fleet.cost(scenario.model)
        let current = try inForce?.read(scenario)
        if case .energy = objective, scenario.fleet.powerWatts.isEmpty {
            throw Failure(.usage, "--objective energy: no device of \(scenario.fleet.name) has power_w")
        }
        if algorithm == .paper {
            var options = PlanningOptions()
            options.minimumTokensPerSecond = limits.minimumTokensPerSecond
            options.largestDecodeConcurrency = limits.largestBatch
            options.reservedContextTokens =
                limits.longestRequestTokens > 0 ? limits.longestRequestTokens : scenario.demand.longestRequestTokens
            options.chunkTokens = limits.chunkTokens
            options.orderedGroups = true
            let plan = try Planner.plan(
                cost: cost, workload: scenario.demand.statistics, options: options, seed: seed)
            return Answer(
                plan: plan, result: nil, move: try weighed(plan, against: current, scenario), seconds: elapsed())
        }
        let result: PlanningResult
        let name: String
        if let kind = algorithm.baseline {
            result = try Baseline(kind).result(
                cost: cost, demand: scenario.demand, limits: limits, types: scenario.fleet.types,
                sites: scenario.fleet.sites)
            name = "\(kind.rawValue) (\(kind.title))"
        } else {
            var planner = PlacementPlanner(objective: objective, seed: seed, powerWatts: scenario.fleet.powerWatts)
            (planner.types, planner.sites) = (scenario.fleet.types, scenario.fleet.sites)
            if trials {
                var trial = SimulatedTrial(cost: cost, demand: scenario.demand, limits: limits)
                trial.seed = seed
                planner.trial = trial
            }
            result = try planner.plan(
                cost: cost, demand: scenario.demand, limits: limits, inForce: current, moving: moving,
                deadline: deadline, elapsed: elapsed)
            name = result.algorithm(seed: seed)
        }
        let plan = result.placementPlan(algorithm: name)
        let move =
            if let current, let decision = result.move {
                PlanMove(decision, from: current.id)
            } else {
                try weighed(plan, against: current, scenario)
            }
        return Answer(plan: plan, result: result, move: move, seconds: elapsed())
    }

    /// What a plan gains over the one in force, whoever made it.
    private func weighed(
        _ plan: PlacementPlan, against current: PlacementPlan?, _ scenario: Scenario
    ) throws -> PlanMove? {
        guard let current else { return nil }
        let instance = try PlanningInstance(
            cost: scenario.fleet.cost(scenario.model), demand: scenario.demand, limits: limits)
        let decision = try MoveJudge(instance, policy: moving).decide(from: current, to: plan)
        return PlanMove(decision, from: current.id)
    }
}
