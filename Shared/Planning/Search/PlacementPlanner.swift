public import CostModel
public import Domain
internal import Drawing

/// What a planner answers.
public struct PlanningResult: Sendable {
    /// The question that was answered, with the KV type that was chosen.
    public var instance: PlanningInstance
    /// The plan.
    public var placed: PlacedGroups
    /// No plan sustains more requests per second than this.
    public var upperBound: Double
    /// Whether the plan is proved to have the highest rate there is.
    public var isExact: Bool
    /// What had to be relaxed, for people.
    public var relaxations: [String]
    /// Whether the deadline ended the search.
    public var wasStopped: Bool
    /// Plans that were tried out before this one was chosen; 0 where it was chosen by estimates.
    public var tried = 0
    /// Where a plan is in force: whether to move to this one. If not, this one is the plan in force.
    public var move: MoveDecision?

    /// Whether it has less room for sequences than was promised.
    var lacksContext: Bool { placed.contextTokens(instance) < instance.limits.promisedContextTokens }

    /// How the plan was found, for people.
    public func algorithm(seed: UInt64) -> String {
        tried > 0 ? "default (seed \(seed), best of \(tried) tried)" : "default (seed \(seed))"
    }

    /// Share by which the bound exceeds the plan's rate.
    public var gap: Double { max(0, upperBound / placed.rate - 1) }
}

/// The default planner: searches, chooses by the objective, and proves how much better any plan could be.
public struct PlacementPlanner {
    /// What a plan is chosen by.
    public var objective: PlanObjective
    /// Seed of the search.
    public var seed: UInt64
    /// Watts of devices under load, for the energy objective.
    public var powerWatts: [DeviceID: Double]
    /// Whether to prove a bound; otherwise it is infinite.
    public var provesBound = true
    /// Largest fleet that is solved exactly, at most 11 devices.
    public var exactDevices = ExactSearch.mostDevices {
        didSet { exactDevices = min(exactDevices, ExactSearch.mostDevices) }
    }

    /// Tries out the best plans of each kind for the waiting objective, instead of trusting estimates alone.
    public var trial: (any PlanTrial)?
    /// Types and sites of devices, by which the baselines group, whose plans are tried, too.
    public var types: [DeviceID: String] = [:]
    /// Where devices stand.
    public var sites: [DeviceID: String] = [:]

    /// Makes a planner.
    public init(objective: PlanObjective = .waiting, seed: UInt64 = 1, powerWatts: [DeviceID: Double] = [:]) {
        self.objective = objective
        self.seed = seed
        self.powerWatts = powerWatts
    }

    /// Plans. `elapsed` gives the seconds since planning began (it is asked often), `deadline` ends the search; without one
    /// the result depends on the inputs and the seed alone.
    ///
    /// With a plan in force, the search starts from it, and the answer is the plan that gains most over the cost of the move
    /// to it, or the plan in force. It keeps the KV type, where it is allowed: sequences go on with their KV cache
    /// only in a replica of the same type. Another type is looked at where the demand, or the promised context, is
    /// not met.
    ///
    /// - Throws: as `PlanningInstance.init` and `MoveJudge.init`, and `noPlan`.
    public func plan(
        cost: FleetCost, demand: PlanningDemand, limits: PlanningLimits = PlanningLimits(),
        inForce: PlacementPlan? = nil, moving: MovingPolicy = MovingPolicy(), deadline: Double? = nil,
        elapsed: () -> Double = { 0 }
    ) throws(PlanningError) -> PlanningResult {
        let allowed = limits.kvTypes
        func answer(_ types: Set<KVType>) throws(PlanningError) -> PlanningResult {
            var limits = limits
            limits.kvTypes = types
            return try self.answer(
                cost: cost, demand: demand, limits: limits, allowed: allowed, inForce: inForce, moving: moving,
                deadline: deadline, elapsed: elapsed)
        }
        let others = limits.kvTypes.filter { $0 != inForce?.kvType && cost.model.allows($0) }
        guard let kept = inForce?.kvType, limits.kvTypes.contains(kept), cost.model.allows(kept), !others.isEmpty else {
            return try answer(limits.kvTypes)
        }
        let same: PlanningResult
        do {
            same = try answer([kept])
        } catch {
            guard error.code == .modelDoesNotFit || error.code == .noPlan else { throw error }
            return try answer(others)
        }
        guard same.placed.rate < demand.rate || same.lacksContext, let other = try? answer(others),
            other.move?.moves == true, !other.lacksContext,
            same.lacksContext || other.placed.rate > same.placed.rate * Self.leastTypeGain
        else { return same }
        return other
    }

    /// How many times the rate another KV type than that of the plan in force must sustain.
    private static let leastTypeGain = 1.1

    private func answer(
        cost: FleetCost, demand: PlanningDemand, limits: PlanningLimits, allowed types: Set<KVType>,
        inForce: PlacementPlan?, moving: MovingPolicy, deadline: Double?, elapsed: () -> Double
    ) throws(PlanningError) -> PlanningResult {
        let (instance, reduced) = try PlanningInstance.fitting(cost: cost, demand: demand, limits: limits)
        let known = try inForce.map { plan throws(PlanningError) in
            let isAllowed = types.contains(plan.kvType)
            return try StartingPlan(plan, instance, moving, isAllowed: isAllowed)
        }
        return try withoutActuallyEscaping(elapsed) { elapsed throws(PlanningError) in
            // A third of the time is for the proof.
            let searchStop = { deadline.map { elapsed() > $0 * 0.66 } ?? false }
            let proofStop = { deadline.map { elapsed() > $0 * 0.97 } ?? false }
            let trialStop = { deadline.map { elapsed() > $0 * 0.85 } ?? false }
            var result = try plan(
                instance, known, searchStop: searchStop, trialStop: trialStop, proofStop: proofStop)
            if let reduced { result.relaxations.insert(reduced, at: 0) }
            return result
        }
    }

    private func plan(
        _ instance: PlanningInstance, _ known: StartingPlan?, searchStop: @escaping () -> Bool,
        trialStop: @escaping () -> Bool, proofStop: @escaping () -> Bool
    ) throws(PlanningError) -> PlanningResult {
        var search = PlacementSearch(instance, seed: seed, exactDevices: exactDevices, stop: searchStop)
        let start = known?.groupings ?? []
        search.run(start: start)
        var relaxations: [String] = []
        var candidates = search.candidates
        var exactBound = search.exactBound
        guard let fastest = candidates.map(\.rate).max() else { throw noPlan(instance) }
        if instance.limits.minimumTokensPerSecond > 0 {
            let speed = keepingSpeed(instance, search, fastest, start, searchStop)
            candidates = speed.candidates
            exactBound = speed.exactBound
            if let note = speed.relaxation { relaxations.append(note) }
            guard !candidates.isEmpty else { throw noQuickPlan(instance, fastest) }
        }
        let promise = instance.limits.promisedContextTokens
        let promised = promise > 0 ? candidates.filter { $0.contextTokens(instance) >= promise } : candidates
        if promised.isEmpty {
            relaxations.append("no plan that was found holds sequences of the \(promise) tokens that were promised")
        } else {
            candidates = promised
        }
        let best = candidates.map(\.rate).max() ?? fastest
        let choice = PlanChoice(instance: instance, objective: objective, powerWatts: powerWatts)
        var eligible = candidates.filter { choice.isEligible($0, best: best) }
        var placed = choice.best(eligible)
        var tried = 0
        if let trial, objective == .waiting {
            let final = PlanFinal(
                instance: instance, choice: choice, trial: trial, types: types, sites: sites, shouldStop: trialStop)
            var finalists = final.finalists(
                candidates, chosen: placed,
                minimumSpeed: relaxations.isEmpty ? instance.limits.minimumTokensPerSecond : 0)
            finalists.removeAll { $0.contextTokens(instance) < promise && !promised.isEmpty }
            if let known, known.own.kvType == instance.kvType, let whole = known.whole,
                !finalists.contains(where: { $0.groups == whole.groups })
            {
                finalists.append(whole)
            }
            if let best = final.best(finalists) {
                (placed, tried) = (final.pruned(best.plan), best.tried)
                eligible = [placed]
            }
        }
        var move: MoveDecision?
        if let known { (placed, move) = known.choose(eligible.sorted { choice.score($0) < choice.score($1) }) }
        var used = move?.moves == false ? known?.own ?? instance : instance
        if move == nil, instance.kvType == .q8_0, instance.limits.kvTypes.contains(.f16),
            let plain = withPlainKV(placed, instance)
        {
            (used, placed) = plain
        }
        if placed.rate < instance.demand.rate {
            relaxations.append(
                "the plan sustains \(ReportText.number(placed.rate)) requests/s, "
                    + "less than the \(ReportText.number(instance.demand.rate)) asked for")
        }
        var bound = Double.infinity
        if provesBound { bound = self.bound(instance, search, exact: exactBound, stop: proofStop) }
        let isExact = exactBound != nil && !search.wasStopped && placed.rate >= bound * (1 - 1e-4)
        return PlanningResult(
            instance: used, placed: placed, upperBound: max(bound, placed.rate), isExact: isExact,
            relaxations: relaxations, wasStopped: search.wasStopped, tried: tried, move: move)
    }

    /// Plans that keep the minimum decode speed.
    private struct SpeedChoice {
        var candidates: [PlacedGroups]
        /// What no plan of the kind that is chosen from exceeds, where the fleet was solved exactly.
        var exactBound: Double?
        /// Says that the speed is not kept, and why.
        var relaxation: String?
    }

    /// Candidates that keep the minimum decode speed, or all of them with a note.
    private func keepingSpeed(
        _ instance: PlanningInstance, _ all: PlacementSearch, _ fastest: Double, _ start: [[[Int]]],
        _ stop: @escaping () -> Bool
    ) -> SpeedChoice {
        let limits = instance.limits
        let minimum = limits.minimumTokensPerSecond
        var kept = all.candidates.filter { $0.meets(minimumTokensPerSecond: minimum) }
        // An exact answer should be exact for quick plans, too.
        let enough = all.exactBound == nil ? limits.tolerance : 1e-4
        var exactBound = all.exactBound
        if (kept.map(\.rate).max() ?? 0) < fastest * (1 - enough) {
            var search = PlacementSearch(
                instance, seed: seed, longestGap: 1 / minimum, exactDevices: exactDevices, stop: stop)
            search.run(start: start)
            kept += search.candidates
            exactBound = search.wasStopped ? nil : search.exactBound
        }
        let best = kept.map(\.rate).max() ?? 0
        let isEnough = best >= fastest * (1 - limits.tolerance) || best * 0.9 >= instance.demand.rate
        if limits.minimumIsHard || (best > 0 && isEnough) {
            return SpeedChoice(candidates: kept, exactBound: exactBound, relaxation: nil)
        }
        let why =
            best > 0
            ? "plans that keep it sustain \(ReportText.number(best)) requests/s of \(ReportText.number(fastest))"
            : "no group of devices reaches it"
        return SpeedChoice(
            candidates: all.candidates, exactBound: all.exactBound,
            relaxation:
                "the minimum decode speed of \(ReportText.number(minimum)) tokens/s for every request "
                + "is relaxed: \(why)")
    }

    /// The same groups with f16, where they have memory for it and that costs nothing that counts.
    private func withPlainKV(
        _ placed: PlacedGroups, _ instance: PlanningInstance
    ) -> (instance: PlanningInstance, placed: PlacedGroups)? {
        guard let plain = placed.rerated(instance, keeping: .f16) else { return nil }
        let limits = instance.limits
        let promised = min(limits.promisedContextTokens, placed.contextTokens(instance))
        let isAsGood =
            plain.placed.rate >= placed.rate * (1 - 1e-3)
            && plain.placed.times.waiting <= placed.times.waiting * (1 + limits.tolerance) + 1e-3
            && plain.placed.contextTokens(plain.instance) >= promised
        return isAsGood ? plain : nil
    }

    private func bound(
        _ instance: PlanningInstance, _ search: PlacementSearch, exact: Double?, stop: @escaping () -> Bool
    ) -> Double {
        if let exact, !search.wasStopped { return exact }
        var table = GroupTable(instance)
        let known = search.candidates.sorted { $0.rate > $1.rate }.prefix(12).flatMap(\.groups)
        let goal = search.candidates.map(\.rate).max() ?? 0
        let kinds: [Set<ReplicaRole>] =
            switch instance.limits.roles {
            case .any: [Set(ReplicaRole.allCases)]
            case .uniform: [[.mixed], [.prefill, .decode]]
            case .split: [[.prefill, .decode]]
            case .mixed: [[.mixed]]
            }
        var bound = 0.0
        // The last rounds tighten the bound least, and a round takes longer on larger fleets.
        let rounds = instance.count > 96 ? 14 : instance.count > 40 ? 22 : 30
        for roles in kinds {
            let certificate = RateCertificate(
                instance, &table, roles: roles, known: known, goal: goal, rounds: rounds, stop: stop)
            bound = max(bound, certificate.bound)
        }
        return min(bound, search.exactBound ?? .infinity)
    }

    private func noQuickPlan(_ instance: PlanningInstance, _ fastest: Double) -> PlanningError {
        PlanningError(
            .noPlan,
            "no plan keeps the minimum decode speed of "
                + "\(ReportText.number(instance.limits.minimumTokensPerSecond)) tokens/s for every request; "
                + "without it \(ReportText.number(fastest)) requests/s can be sustained")
    }

    private func noPlan(_ instance: PlanningInstance) -> PlanningError {
        PlanningError(
            .noPlan,
            "no plan: \(instance.count) devices hold the model, but no groups with the roles that are allowed have room "
                + "for \(instance.decodeTokens[1]) tokens of KV cache and measured speeds for both phases")
    }
}
