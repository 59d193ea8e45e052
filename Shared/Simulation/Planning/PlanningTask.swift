public import CostModel
public import Domain
public import Planning
internal import Scheduling

/// The question that planners are asked, whoever asks it: the clusterer, the command line, a simulated fleet, a comparison of
/// systems. The same task has the same answer, unless the time ran out.
public struct PlanningTask: Sendable {
    /// What the devices cost, and how they are connected.
    public var cost: FleetCost
    /// The traffic.
    public var demand: PlanningDemand
    /// What a plan may use and must keep.
    public var limits: PlanningLimits
    /// Who plans.
    public var algorithm = PlanningAlgorithm.standard
    /// How hard the genetic algorithms search; what the limits say counts more.
    public var genetic = PlanningOptions()
    /// What the default planner chooses by.
    public var objective = PlanObjective.waiting
    /// Watts of devices under load, for the energy objective.
    public var powerWatts: [DeviceID: Double] = [:]
    /// Types of devices, by which baselines group.
    public var types: [DeviceID: String] = [:]
    /// Where devices stand.
    public var sites: [DeviceID: String] = [:]
    /// Seed of the search, and of the requests in trials.
    public var seed: UInt64 = 1
    /// The plan in force: the answer says whether to move away from it.
    public var inForce: PlacementPlan?
    /// When a move is worth its cost.
    public var moving = MovingPolicy()
    /// The fleet that is planned for.
    public var fleetVersion: UInt64 = 0
    /// Whether the default planner tries its best plans out in simulation, under `services`, instead of trusting estimates;
    /// and baselines theirs, under their own schedulers.
    public var triesPlans = true
    /// What the services may use that will serve the plan; `nil` for what the limits say.
    public var services: SimulationSettings?
    /// How a baseline schedules under which its plans are tried; `nil` for what belongs to it. Not for b0c, which is served by
    /// the services.
    public var reference: ReferenceSettings?
    /// Whether roles that the limits ask for are given up, with a note, where no plan has them: better another plan than none.
    public var mayChangeRoles = false
    /// Seconds after which the best plan so far is taken; `nil` lets a search end.
    public var deadline: Double?

    /// Makes a question with the defaults.
    public init(cost: FleetCost, demand: PlanningDemand, limits: PlanningLimits = PlanningLimits()) {
        self.cost = cost
        self.demand = demand
        self.limits = limits
    }

    /// Share of the time after which a trial that still runs is given up; the planner begins none after it either.
    private static let trialShare = 0.85

    /// Plans. `elapsed` gives the seconds since planning began and is asked often; infinity ends the search.
    ///
    /// - Throws: `noPlan` and others, naming what is wrong.
    public func answer(
        elapsed: @escaping @Sendable () -> Double = { 0 }
    ) throws(PlanningError) -> PlanningAnswer {
        if let kind = algorithm.baseline {
            // Baselines have what their papers have.
            var limits = limits
            limits.kvTypes = [.f16]
            let result = try Baseline(kind).result(
                cost: cost, demand: demand, limits: limits, types: types, sites: sites,
                trials: triesPlans ? baselineTrials(limits, elapsed) : nil,
                shouldStop: { isTrialOver(elapsed()) })
            let plan = result.placementPlan(
                algorithm: "\(algorithm.rawValue) (\(algorithm.baselineTitle ?? kind.title))",
                fleetVersion: fleetVersion)
            return PlanningAnswer(plan: plan, move: try weighed(plan), result: result)
        }
        guard !algorithm.isGenetic else { return try geneticAnswer() }
        do throws(PlanningError) {
            return try standardAnswer(limits, elapsed)
        } catch {
            guard mayChangeRoles, limits.roles != .any, error.code == .noPlan else { throw error }
            var limits = limits
            limits.roles = .any
            var answer = try standardAnswer(limits, elapsed)
            answer.plan.relaxations.append(
                "roles \(self.limits.roles.rawValue) are not possible with these devices: \(error.message)")
            return answer
        }
    }

    private func standardAnswer(
        _ limits: PlanningLimits, _ elapsed: @escaping @Sendable () -> Double
    ) throws(PlanningError) -> PlanningAnswer {
        var planner = PlacementPlanner(objective: objective, seed: seed, powerWatts: powerWatts)
        (planner.types, planner.sites) = (types, sites)
        if triesPlans {
            var trial = SimulatedTrial(cost: cost, demand: demand, limits: limits)
            if let services { trial.settings = services }
            trial.seed = seed
            trial.shouldStop = { isTrialOver(elapsed()) }
            planner.trial = trial
        }
        let result = try planner.plan(
            cost: cost, demand: demand, limits: limits, inForce: inForce, moving: moving, deadline: deadline,
            elapsed: elapsed)
        var plan = result.placementPlan(algorithm: result.algorithm(seed: seed), fleetVersion: fleetVersion)
        if result.wasStopped { plan.relaxations.append("the search was stopped before its end: time was up") }
        let move = inForce.flatMap { current in result.move.map { PlanMove($0, from: current.id) } }
        return PlanningAnswer(plan: plan, move: move, result: result)
    }

    /// Whether trials have to end.
    private func isTrialOver(_ seconds: Double) -> Bool { deadline.map { seconds > Self.trialShare * $0 } ?? false }

    /// Trials of a baseline's plans under its own scheduler.
    private func baselineTrials(
        _ limits: PlanningLimits, _ elapsed: @escaping @Sendable () -> Double
    ) -> BaselineTrials {
        var quick = SimulatedTrial(cost: cost, demand: demand, limits: limits)
        if algorithm.hasServices {
            if let services { quick.settings = services }
        } else {
            quick.reference = reference ?? algorithm.reference(limits)
            quick.reference?.meanOutputTokens = max(1, demand.outputTokens)
        }
        (quick.seed, quick.keepsMeans) = (seed, true)
        quick.shouldStop = { isTrialOver(elapsed()) }
        var thorough = quick
        quick.mostRequests = Self.quickRequests
        (thorough.seed, thorough.leastRequests) = (seed &+ 1, Self.thoroughRequests / (algorithm.hasServices ? 2 : 1))
        return BaselineTrials(quick: quick, thorough: thorough)
    }

    /// Most requests of a quick trial.
    private static let quickRequests = 600
    /// Requests of a thorough trial; half as many under the services, which take longer to simulate.
    private static let thoroughRequests = 1500

    private func geneticAnswer() throws(PlanningError) -> PlanningAnswer {
        var plan = try PaperPlanner.plan(
            cost: cost, workload: demand.statistics, options: geneticOptions, seed: seed, fleetVersion: fleetVersion)
        if algorithm == .splitwiseAdapted { plan.algorithm = "\(algorithm.rawValue), \(plan.algorithm)" }
        return PlanningAnswer(plan: plan, move: try weighed(plan), result: nil)
    }

    /// The question as the genetic algorithms know it.
    public var geneticOptions: PlanningOptions {
        var options = genetic
        options.minimumTokensPerSecond = limits.minimumTokensPerSecond
        options.largestDecodeConcurrency = limits.largestBatch
        options.reservedContextTokens =
            limits.longestRequestTokens > 0 ? limits.longestRequestTokens : demand.longestRequestTokens
        options.chunkTokens = limits.chunkTokens
        options.orderedGroups = algorithm != .genetic
        options.allowMixed = limits.roles == .any && algorithm == .genetic
        options.prefillIsFastest = algorithm == .splitwiseAdapted
        return options
    }

    /// Requests per second that a plan is estimated to sustain for the traffic.
    ///
    /// - Throws: where it is not a plan for this fleet.
    public func sustainedRate(_ plan: PlacementPlan) throws(PlanningError) -> Double {
        try instance(of: plan).placed(plan).rate
    }

    /// What a plan gains over the one in force, whoever made it; `nil` where there is none.
    ///
    /// - Throws: where the plan in force cannot be judged on this fleet.
    public func weighed(_ plan: PlacementPlan) throws(PlanningError) -> PlanMove? {
        guard let inForce else { return nil }
        let decision = try MoveJudge(instance(of: plan), policy: moving).decide(from: inForce, to: plan)
        return PlanMove(decision, from: inForce.id)
    }

    /// The question with the KV type of a plan.
    private func instance(of plan: PlacementPlan) throws(PlanningError) -> PlanningInstance {
        var limits = limits
        limits.kvTypes = [plan.kvType]
        return try PlanningInstance.fitting(cost: cost, demand: demand, limits: limits).instance
    }
}

/// Who plans.
public enum PlanningAlgorithm: String, Sendable, Hashable, CaseIterable {
    /// The default planner.
    case standard = "default"
    /// Genetic grouping and dynamic programming as in the paper: stages in the order of the chromosome.
    case paper
    /// The same with the best order of stages.
    case genetic
    /// The paper's planner under the rule that prefill replicas are at least as fast as decoder replicas.
    case splitwiseAdapted = "splitwise-adapted"
    /// Baselines.
    case b0, b1, b2, b3
    /// Plans of b0 under the services, where chunks of prompts ride on decode steps.
    case b0c
    /// HexGen-2 and Helix from their published descriptions.
    case hexgen2, helix

    /// Names that systems have in simulations, beside the raw values.
    private static let otherNames: [String: PlanningAlgorithm] = ["e2llm": .standard, "b1m": .b1]

    /// All names, for people.
    public static var names: String { (allCases.map(\.rawValue) + otherNames.keys.sorted()).joined(separator: ", ") }

    /// The algorithm of a name, also of one that a system has in simulations; `nil` for an unknown name.
    public init?(name: String) {
        guard let known = PlanningAlgorithm(rawValue: name) ?? Self.otherNames[name] else { return nil }
        self = known
    }

    /// Whether it is a genetic search.
    public var isGenetic: Bool { [.paper, .genetic, .splitwiseAdapted].contains(self) }
    /// The baseline whose plans it has.
    public var baseline: Baseline.Kind? { self == .b0c ? .b0 : Baseline.Kind(rawValue: rawValue) }
    /// Whether its plans are for the services, not for a baseline's own scheduler.
    public var hasServices: Bool { self == .b0c || baseline == nil }

    /// The reference behaviour that belongs to a baseline, under the limits of its plans.
    func reference(_ limits: PlanningLimits) -> ReferenceSettings {
        var settings = ReferenceSettings()
        settings.routing = self == .b1 ? .tokens : .backlog
        settings.largestBatch = limits.largestBatch
        settings.streams = limits.chunkTokens != nil
        settings.lengthKnowledge = .mean
        return settings
    }

    /// A name for people of a baseline.
    var baselineTitle: String? { self == .b0c ? "colocated, chunked prefill" : baseline?.title }
}

/// What planners answer.
public struct PlanningAnswer: Sendable {
    /// The plan; where a plan is in force and a move from it is not worth its cost, that one.
    public var plan: PlacementPlan
    /// Where a plan is in force: whether to move to this one.
    public var move: PlanMove?
    /// The whole answer; the genetic algorithms have only the plan.
    public var result: PlanningResult?
}
