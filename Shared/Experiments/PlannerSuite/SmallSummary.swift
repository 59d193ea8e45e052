/// What the small fleets say together; shares are of the fleets that have a plan.
public struct SmallSummary: Encodable, Sendable, Hashable {
    /// Rates that differ by less are the same: the search settles for that.
    public static let tolerance = 1e-4

    /// Fleets that have a plan.
    public var count: Int
    /// Fleets that have none.
    public var withoutPlan: Int
    /// Share whose plan is the optimum.
    public var plannerOptimal: Double?
    /// The smallest share of the optimum that the planner reaches.
    public var plannerWorst: Double?
    /// Share whose plan the planner calls the best.
    public var proved: Double?
    /// Share for which the heuristic search finds the optimum.
    public var heuristicOptimal: Double?
    /// Share for which it comes within 1 % of it.
    public var heuristicWithinOnePercent: Double?
    /// The smallest share of the optimum that it reaches.
    public var heuristicWorst: Double?
    /// Fleets for which something is wrong: a bound below the optimum, a plan above it, or a proof of less.
    public var contradictions: Int

    /// Takes the figures of some outcomes.
    public init(_ outcomes: [SmallOutcome]) {
        let planned = outcomes.filter(\.hasPlan)
        let planner = planned.map(\.plannerShare)
        let heuristic = planned.map(\.heuristicShare)
        let least = 1 - Self.tolerance
        count = planned.count
        withoutPlan = outcomes.count - planned.count
        plannerOptimal = Averages.share(planner) { $0 >= least }
        plannerWorst = planner.min()
        proved = Averages.share(planned.map { $0.isProved ? 1 : 0 }) { $0 == 1 }
        heuristicOptimal = Averages.share(heuristic) { $0 >= least }
        heuristicWithinOnePercent = Averages.share(heuristic) { $0 >= 0.99 }
        heuristicWorst = heuristic.min()
        contradictions = outcomes.count(where: \.isContradiction)
    }

    private enum CodingKeys: String, CodingKey {
        case count, proved, contradictions
        case withoutPlan = "without_plan"
        case plannerOptimal = "planner_optimal"
        case plannerWorst = "planner_worst"
        case heuristicOptimal = "heuristic_optimal"
        case heuristicWithinOnePercent = "heuristic_within_1_percent"
        case heuristicWorst = "heuristic_worst"
    }
}

extension SmallOutcome {
    /// Whether two of its figures cannot both be right.
    public var isContradiction: Bool {
        let tolerance = SmallSummary.tolerance
        let most = optimum * (1 + tolerance)
        let isBelow = isProved && plannerRate < optimum * (1 - tolerance)
        return contradictsCertificate || plannerRate > most || heuristicRate > most || isBelow
    }
}
