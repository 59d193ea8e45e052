internal import Domain

/// Whether a proposed plan is worth the disturbance of putting it in force, where the clusterer says nothing about that.
struct PlanComparison: Sendable {
    /// The verdict.
    enum Verdict: Sendable, Hashable {
        case replace
        case keep(String)
    }

    /// Smallest gain that counts.
    var minimumGain: Double

    /// Compares the healthy plan in force with a proposal by the rates predicted for the same workload; at rates that
    /// differ by less than the gain, by the objective if both plans were made for about the same traffic.
    func verdict(
        current: PlacementPlan, currentRate: Double, proposal: PlacementPlan, proposalRate: Double,
        comparableObjectives: Bool
    ) -> Verdict {
        if PlanMatching.isSame(current, proposal) { return .keep("it is the plan in force") }
        if proposalRate >= currentRate * (1 + minimumGain) { return .replace }
        let gain = currentRate > 0 ? proposalRate / currentRate - 1 : 0
        let isObjectiveBetter =
            comparableObjectives && current.objective > 0
            && proposal.objective <= current.objective * (1 - minimumGain)
        if isObjectiveBetter, proposalRate >= currentRate * (1 - Self.rateTolerance) { return .replace }
        return .keep("its predicted rate differs by \(Int((gain * 100).rounded())) % from the plan in force")
    }

    /// A better objective may cost this share of the rate.
    private static let rateTolerance = 0.02
}
