internal import Domain

/// The choice among the plans that a baseline may have: the one that sustains most in trials, as for the default planner's
/// plans, under the scheduler that the trials have.
struct BaselineFinal {
    let instance: PlanningInstance
    let trial: any PlanTrial
    /// Whether time is up; what was not tried by then is left out.
    let shouldStop: () -> Bool

    /// Plans that sustain this share of the most are as good as it: trials are no more exact.
    private static let equalShare = 0.99
    /// The load at which equally good ones are compared, as a share of what they sustain.
    private static let comparedShare = 0.9

    /// The best plan, and how many were tried; the first one where none could be.
    func best(_ plans: [PlacedGroups]) -> (plan: PlacedGroups, tried: Int) {
        var tried: [(groups: PlacedGroups, plan: PlacementPlan, rate: Double)] = []
        for groups in plans where !shouldStop() {
            let plan = trialPlan(groups)
            if let rate = trial.sustainedRate(plan) { tried.append((groups, plan, rate)) }
        }
        guard let most = tried.map(\.rate).max(), most > 0 else { return (plans[0], 0) }
        let equal = tried.filter { $0.rate >= most * Self.equalShare }
        var best = equal[0]
        guard equal.count > 1 else { return (best.groups, tried.count) }
        var least = Double.infinity
        for entry in equal where !shouldStop() {
            guard let times = trial.times(entry.plan, rate: Self.comparedShare * most), times.score < least else {
                continue
            }
            (best, least) = (entry, times.score)
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
