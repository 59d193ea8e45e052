/// What the planner and every baseline found for a generated fleet.
public struct FleetOutcome: Codable, Sendable, Hashable {
    /// What one planner found.
    public struct Plan: Codable, Sendable, Hashable {
        /// The planner: `planner`, or the name of a baseline.
        public var name: String
        /// Requests per second that its plan sustains; absent without a plan.
        public var rate: Double?
        /// Why it has no plan.
        public var problem: String?
        /// Seconds that it took.
        public var seconds: Double

        /// Makes an entry.
        public init(name: String, rate: Double? = nil, problem: String? = nil, seconds: Double = 0) {
            self.name = name
            self.rate = rate
            self.problem = problem
            self.seconds = seconds
        }
    }

    /// The fleet.
    public var fleet: SuiteFleet
    /// What is allowed.
    public var mode: SuiteMode
    /// Requests per second that the plans were made for.
    public var demandRate: Double
    /// The default planner.
    public var planner: Plan
    /// No plan sustains more requests per second than this; absent without a proof.
    public var upperBound: Double?
    /// The baselines.
    public var baselines: [Plan]

    /// Makes an outcome.
    public init(
        fleet: SuiteFleet, mode: SuiteMode, demandRate: Double, planner: Plan, upperBound: Double? = nil,
        baselines: [Plan]
    ) {
        self.fleet = fleet
        self.mode = mode
        self.demandRate = demandRate
        self.planner = planner
        self.upperBound = upperBound
        self.baselines = baselines
    }

    /// The baseline that sustains most.
    public var bestBaseline: Plan? {
        baselines.filter { $0.rate != nil }.max { ($0.rate ?? 0) < ($1.rate ?? 0) }
    }

    /// The planner's rate over that of the best baseline: 0 where only baselines have a plan, absent where none has.
    public var ratio: Double? { bestBaseline?.rate.map { (planner.rate ?? 0) / $0 } }

    /// Share by which the bound exceeds the planner's rate.
    public var gap: Double? {
        guard let upperBound, let rate = planner.rate else { return nil }
        return max(0, upperBound / rate - 1)
    }

    /// Whether a baseline sustains more than any plan can, as the planner proved it: then the proof leaves plans out.
    public var contradictsBound: Bool {
        (bestBaseline?.rate ?? 0) > (upperBound ?? .infinity) * (1 + SmallSummary.tolerance)
    }

    private enum CodingKeys: String, CodingKey {
        case fleet, mode, planner, baselines
        case demandRate = "demand_rate"
        case upperBound = "upper_bound"
    }
}
