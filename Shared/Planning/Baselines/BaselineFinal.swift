internal import Domain

/// The trials in which a baseline's plan is chosen, both under its own scheduler.
public struct BaselineTrials: Sendable {
    /// Every candidate takes part.
    public var quick: any PlanTrial
    /// The best of these again: more requests, and others.
    public var thorough: any PlanTrial

    /// Makes trials.
    public init(quick: any PlanTrial, thorough: any PlanTrial) {
        self.quick = quick
        self.thorough = thorough
    }
}

/// The choice among the plans that a baseline may have, in simulation as for the default planner's plans: the one that
/// sustains most, where queues do not speak against it.
struct BaselineFinal {
    let instance: PlanningInstance
    let trials: BaselineTrials
    /// Whether time is up; what was not tried by then is left out.
    let shouldStop: () -> Bool

    /// Share of the highest rate in the quick trials that a plan may lack to take part in the thorough ones.
    private static let mostLacking = 0.1
    /// Most plans that take part in these.
    private static let mostThorough = 8
    /// Share of the highest rate in the thorough trials that a plan may lack where its times make up for it.
    private static let mostLackingAtLast = 0.03
    /// How much times have to make up for a lower rate: by this power of the ratio.
    private static let ratePower = 8
    /// The load at which times are compared, as a share of the highest sustained rate.
    private static let comparedShare = 0.95

    private struct Entry {
        var groups: PlacedGroups
        var plan: PlacementPlan
        var rate: Double
    }

    /// The best plan, and how many were tried; the first one where none could be.
    func best(_ plans: [PlacedGroups]) -> (plan: PlacedGroups, tried: Int) {
        let tried = rated(plans.map { Entry(groups: $0, plan: trialPlan($0), rate: 0) }, trials.quick)
        guard let most = tried.first?.rate, most > 0 else { return (plans[0], 0) }
        let close = tried.filter { $0.rate >= most * (1 - Self.mostLacking) }.prefix(Self.mostThorough)
        guard close.count > 1 else { return (tried[0].groups, tried.count) }
        let again = rated(Array(close), trials.thorough)
        guard let first = again.first, first.rate > 0 else { return (tried[0].groups, tried.count) }
        return (quickest(again.filter { $0.rate >= first.rate * (1 - Self.mostLackingAtLast) }).groups, tried.count)
    }

    /// The plans that could be tried, with their rates there, the highest first.
    private func rated(_ entries: [Entry], _ trial: any PlanTrial) -> [Entry] {
        var rated: [Entry] = []
        for var entry in entries where !shouldStop() {
            guard let rate = trial.sustainedRate(entry.plan) else { continue }
            entry.rate = rate
            rated.append(entry)
        }
        return rated.enumerated().sorted { ($1.element.rate, $0.offset) < ($0.element.rate, $1.offset) }.map(\.element)
    }

    /// The one with the least times under high load; those of a plan that sustains less count for more.
    private func quickest(_ entries: [Entry]) -> Entry {
        var best = entries[0]
        guard entries.count > 1 else { return best }
        var least = Double.infinity
        for entry in entries where !(least.isFinite && shouldStop()) {
            guard let times = trials.thorough.times(entry.plan, rate: Self.comparedShare * entries[0].rate) else {
                continue
            }
            let lacking = entries[0].rate / entry.rate
            let penalty = (0..<Self.ratePower).reduce(1.0) { product, _ in product * lacking }
            if times.score * penalty < least { (best, least) = (entry, times.score * penalty) }
        }
        return best
    }

    private func trialPlan(_ groups: PlacedGroups) -> PlacementPlan {
        PlanningResult(
            instance: instance, placed: groups, upperBound: .infinity, isExact: false, relaxations: [],
            wasStopped: false
        ).placementPlan(algorithm: "trial")
    }
}
