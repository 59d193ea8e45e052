public import Domain
internal import Drawing

/// Whether to move from the plan in force to another one, and why.
public struct MoveDecision: Sendable, Hashable {
    /// Whether to move.
    public var moves: Bool
    /// Seconds over which gain and cost are taken.
    public var horizonSeconds: Double
    /// Seconds that all requests of the horizon together are served sooner under the new plan; 0 where the plan in force
    /// cannot run.
    public var gainRequestSeconds: Double
    /// What the move costs.
    public var cost: MovingCost
    /// The reason, for people.
    public var reason: String

    /// What is left of the gain.
    var net: Double { gainRequestSeconds - cost.requestSeconds }
}

extension PlanMove {
    /// A decision about the plan with the id `inForce`, as services and files have it.
    public init(_ decision: MoveDecision, from inForce: PlanID) {
        self.init(
            planInForce: inForce, replaces: decision.moves, horizonSeconds: decision.horizonSeconds,
            gainRequestSeconds: decision.gainRequestSeconds, costRequestSeconds: decision.cost.requestSeconds,
            loadBytes: decision.cost.loadBytes, kvBytes: decision.cost.kvBytes,
            transitionSeconds: decision.cost.seconds, reason: decision.reason)
    }
}

/// Weighs what a plan would gain over a horizon against what the move to it costs, both in seconds of requests.
///
/// The measure is the mean time from arrival to the last token, at the rate of the demand and, for a share of the horizon,
/// at a rate that uses the weaker of both plans to 90 %. It is the same whichever of two plans is in force, so that plans
/// never take turns.
public struct MoveJudge: Sendable {
    private let instance: PlanningInstance
    private let policy: MovingPolicy
    /// The same question with the KV type of the plan in force, where that is another one.
    private var before: PlanningInstance?

    /// Makes a judge for the fleet and the traffic of an instance.
    ///
    /// - Throws: `invalidInput`, naming the field of the policy.
    public init(_ instance: PlanningInstance, policy: MovingPolicy = MovingPolicy()) throws(PlanningError) {
        if let problem = policy.problem { throw PlanningError(.invalidInput, problem) }
        self.instance = instance
        self.policy = policy
    }

    /// Weighs plans as services have them.
    ///
    /// - Throws: `noPlan` where the new plan cannot run on the fleet.
    public func decide(from inForce: PlacementPlan, to plan: PlacementPlan) throws(PlanningError) -> MoveDecision {
        let new = try instance.placed(plan)
        do {
            var judge = self
            return judge.decide(from: try judge.instance(of: inForce).placed(inForce), to: new)
        } catch {
            return decision(because: error.message)
        }
    }

    /// The question with the KV type of the plan in force, which this judge takes into account from now on.
    mutating func instance(of inForce: PlacementPlan) throws(PlanningError) -> PlanningInstance {
        guard inForce.kvType != instance.kvType else { return instance }
        let other = try PlanningInstance(
            cost: instance.cost, demand: instance.demand, limits: instance.limits, kvType: inForce.kvType)
        before = other
        return other
    }

    /// Whether the plan in force keeps keys and values in another type, so that none of its replicas stays.
    var changesType: Bool { before != nil }

    /// The move away from a plan that cannot run.
    func decision(because reason: String) -> MoveDecision {
        MoveDecision(
            moves: true, horizonSeconds: policy.horizonSeconds, gainRequestSeconds: 0, cost: MovingCost(),
            reason: reason)
    }

    /// Weighs plans.
    func decide(from old: PlacedGroups, to new: PlacedGroups) -> MoveDecision {
        let cost = MovingEstimate(instance: instance, policy: policy, changesType: changesType).cost(from: old, to: new)
        let (spentNow, spentThen) = (spent(old, before ?? instance, other: new), spent(new, instance, other: old))
        let gain = spentNow - spentThen
        var decision = MoveDecision(
            moves: false, horizonSeconds: policy.horizonSeconds, gainRequestSeconds: gain, cost: cost, reason: "")
        let minimum = instance.limits.minimumTokensPerSecond
        let (wasQuick, isQuick) = (
            old.meets(minimumTokensPerSecond: minimum), new.meets(minimumTokensPerSecond: minimum)
        )
        let figures =
            "\(ReportText.number(gain)) request-seconds are gained in \(ReportText.number(policy.horizonSeconds)) s, "
            + "the move costs \(ReportText.number(cost.requestSeconds))"
        if !changesType, new.groups == old.groups {
            decision.reason = "it is the plan in force"
        } else if isQuick, !wasQuick {
            decision.moves = true
            decision.reason = "only the new plan keeps \(ReportText.number(minimum)) tokens/s for every request"
        } else if gain < policy.leastGain * spentNow {
            decision.reason =
                "\(figures); less than \(ReportText.number(policy.leastGain * 100)) % of the requests' time is gained"
        } else {
            decision.moves = gain > cost.requestSeconds
            decision.reason = figures
        }
        return decision
    }

    /// Request-seconds of the horizon under a plan.
    private func spent(_ plan: PlacedGroups, _ instance: PlanningInstance, other: PlacedGroups) -> Double {
        let peak = max(instance.demand.rate, 0.9 * min(plan.rate, other.rate))
        return (1 - policy.peakShare) * spent(plan, instance, rate: instance.demand.rate)
            + policy.peakShare * spent(plan, instance, rate: peak)
    }

    private func spent(_ plan: PlacedGroups, _ instance: PlanningInstance, rate: Double) -> Double {
        var demand = instance.demand
        demand.rate = rate
        let requests = rate * policy.horizonSeconds
        return requests
            * QueueModel(instance, demand: demand, runLength: requests).times(plan.groups, SystemFlow(plan)).total
    }
}
