internal import Domain

/// The choice among the plans that a baseline may have: the one that sustains most in trials, as for the default planner's
/// plans, under the scheduler that the trials have.
struct BaselineFinal {
    let instance: PlanningInstance
    let trial: any PlanTrial
    /// Whether time is up; what was not tried by then is left out.
    let shouldStop: () -> Bool

    /// Share of the highest sustained rate that a plan may lack where its times make up for it: drawn requests are not those
    /// that will come, and queues tell more of what a plan bears than a rate under overload.
    private static let mostLacking = 0.06
    /// How much times have to make up for a lower rate: by this power of the ratio.
    private static let ratePower = 8
    /// The load at which times are compared, as a share of the highest sustained rate.
    private static let comparedShare = 0.9

    /// The best plan, and how many were tried; the first one where none could be.
    func best(_ plans: [PlacedGroups]) -> (plan: PlacedGroups, tried: Int) {
        var tried: [(groups: PlacedGroups, plan: PlacementPlan, rate: Double)] = []
        for groups in plans where !shouldStop() {
            let plan = trialPlan(groups)
            if let rate = trial.sustainedRate(plan) { tried.append((groups, plan, rate)) }
        }
        guard let most = tried.map(\.rate).max(), most > 0 else { return (plans[0], 0) }
        let eligible = tried.filter { $0.rate >= most * (1 - Self.mostLacking) }
        var best = eligible[0]
        guard eligible.count > 1 else { return (best.groups, tried.count) }
        var least = Double.infinity
        for entry in eligible where !(least.isFinite && shouldStop()) {
            guard let times = trial.times(entry.plan, rate: Self.comparedShare * most) else { continue }
            let lacking = most / entry.rate
            let penalty = (0..<Self.ratePower).reduce(1.0) { product, _ in product * lacking }
            if times.score * penalty < least { (best, least) = (entry, times.score * penalty) }
        }
        return (best.groups, tried.count)
    }

    private func trialPlan(_ groups: PlacedGroups) -> PlacementPlan {
        PlanningResult(
            instance: instance, placed: groups, upperBound: .infinity, isExact: false, relaxations: [],
            wasStopped: false
        ).placementPlan(algorithm: "trial")
    }
}
