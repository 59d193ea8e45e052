/// What the fleets of one mode say together.
public struct FleetSummary: Encodable, Sendable, Hashable {
    /// A figure beside what it ought to be.
    public struct Target: Encodable, Sendable, Hashable {
        /// What is measured.
        public var name: String
        /// What it is; absent where no fleet says.
        public var value: Double?
        /// What it ought to be.
        public var limit: Double
        /// Whether more is better.
        public var isLeast: Bool

        /// Whether it is reached; absent where no fleet says.
        public var isMet: Bool? { value.map { isLeast ? $0 >= limit : $0 <= limit } }

        /// Encodes the target with whether it is reached.
        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(name, forKey: .name)
            try container.encodeIfPresent(value, forKey: .value)
            try container.encode(limit, forKey: isLeast ? .atLeast : .atMost)
            try container.encodeIfPresent(isMet, forKey: .isMet)
        }

        private enum CodingKeys: String, CodingKey {
            case name, value
            case atLeast = "at_least"
            case atMost = "at_most"
            case isMet = "is_met"
        }
    }

    /// Fleets up to this size are small.
    public static let mostSmallDevices = 8
    /// A plan that sustains less than this share of the best baseline is worse than it.
    public static let leastRatio = 0.98

    /// The mode.
    public var mode: SuiteMode
    /// Fleets for which a baseline has a plan.
    public var compared: Int
    /// Fleets for which the planner has a plan and no baseline has one.
    public var withoutBaseline: Int
    /// Fleets for which the planner has none.
    public var withoutPlan: Int
    /// Geometric mean of the ratios to the best baseline.
    public var ratio: Double?
    /// The same of fleets of up to 8 devices.
    public var smallRatio: Double?
    /// The smallest ratio.
    public var worst: Double?
    /// The fleet that has it.
    public var worstFleet: SuiteFleet?
    /// Share of the fleets whose ratio is below 0.98.
    public var belowBaseline: Double?
    /// Median of the gaps between plan and bound.
    public var medianGap: Double?
    /// Fleets for which a baseline sustains more than the bound that the planner proved for all plans.
    public var contradictions: Int
    /// What the mode ought to reach.
    public var targets: [Target] = []

    /// Takes the figures of the outcomes of a mode.
    public init(mode: SuiteMode, _ outcomes: [FleetOutcome]) {
        self.mode = mode
        let compared = outcomes.filter { $0.ratio != nil }
        let ratios = compared.compactMap(\.ratio)
        let small = compared.filter { $0.fleet.devices <= Self.mostSmallDevices }.compactMap(\.ratio)
        let least = compared.min { ($0.ratio ?? 0) < ($1.ratio ?? 0) }
        self.compared = compared.count
        withoutBaseline = outcomes.count(where: { $0.bestBaseline == nil && $0.planner.rate != nil })
        withoutPlan = outcomes.count(where: { $0.planner.rate == nil })
        ratio = Averages.geometricMean(ratios)
        smallRatio = Averages.geometricMean(small)
        worst = least?.ratio
        worstFleet = least?.fleet
        belowBaseline = Averages.share(ratios) { $0 < Self.leastRatio }
        medianGap = Averages.median(outcomes.compactMap(\.gap))
        contradictions = outcomes.count(where: \.contradictsBound)
        switch mode {
        case .off:
            targets = [
                Target(name: "ratio, up to 8 devices", value: smallRatio, limit: 1.15, isLeast: true),
                Target(name: "worst ratio", value: worst, limit: Self.leastRatio, isLeast: true),
                Target(name: "median gap to the bound", value: medianGap, limit: 0.05, isLeast: false),
            ]
        case .on: targets = [Target(name: "ratio, all fleets", value: ratio, limit: 1.2, isLeast: true)]
        }
    }

    private enum CodingKeys: String, CodingKey {
        case mode, compared, ratio, worst, contradictions, targets
        case withoutBaseline = "without_baseline"
        case withoutPlan = "without_plan"
        case smallRatio = "small_ratio"
        case worstFleet = "worst_fleet"
        case belowBaseline = "below_baseline"
        case medianGap = "median_gap"
    }
}
