/// What planner and search found for a small fleet beside the optimum.
public struct SmallOutcome: Codable, Sendable, Hashable {
    /// Where the optimum is from.
    public enum Reference: String, Codable, Sendable, Hashable {
        /// All plans were tried, without the planner's search.
        case enumeration
        /// The planner's exact search, whose bound it is.
        case exactSearch = "exact_search"
    }

    /// The fleet.
    public var fleet: SuiteFleet
    /// What is allowed.
    public var mode: SuiteMode
    /// Where the optimum is from.
    public var reference: Reference
    /// Requests per second that the best plan sustains; 0 where there is no plan.
    public var optimum: Double
    /// The planner's requests per second; 0 without a plan.
    public var plannerRate: Double
    /// Whether the planner calls its plan the best.
    public var isProved: Bool
    /// Requests per second of the heuristic search alone; 0 without a plan.
    public var heuristicRate: Double
    /// The bound that is proved without the exact search; absent where there is none.
    public var certificate: Double?
    /// Seconds of the planner, of the heuristic search with its proof, and of the enumeration.
    public var seconds: Seconds

    /// How long it took, seconds.
    public struct Seconds: Codable, Sendable, Hashable {
        /// The planner.
        public var planner: Double
        /// The heuristic search and its proof.
        public var heuristic: Double
        /// The enumeration; 0 without one.
        public var enumeration: Double

        /// Makes times.
        public init(planner: Double = 0, heuristic: Double = 0, enumeration: Double = 0) {
            self.planner = planner
            self.heuristic = heuristic
            self.enumeration = enumeration
        }
    }

    /// Makes an outcome.
    public init(
        fleet: SuiteFleet, mode: SuiteMode, reference: Reference, optimum: Double, plannerRate: Double, isProved: Bool,
        heuristicRate: Double, certificate: Double? = nil, seconds: Seconds = Seconds()
    ) {
        self.fleet = fleet
        self.mode = mode
        self.reference = reference
        self.optimum = optimum
        self.plannerRate = plannerRate
        self.isProved = isProved
        self.heuristicRate = heuristicRate
        self.certificate = certificate
        self.seconds = seconds
    }

    /// Whether the fleet has any plan.
    public var hasPlan: Bool { optimum > 0 }
    /// The planner's share of the optimum.
    public var plannerShare: Double { plannerRate / optimum }
    /// The heuristic search's share of the optimum.
    public var heuristicShare: Double { heuristicRate / optimum }
    /// Whether a proved bound lies below the optimum: then the proof is wrong. Bounds are proved up to 1e-4.
    public var contradictsCertificate: Bool { (certificate ?? .infinity) < optimum * (1 - 1e-4) }

    private enum CodingKeys: String, CodingKey {
        case fleet, mode, reference, optimum, certificate, seconds
        case plannerRate = "planner_rate"
        case isProved = "is_proved"
        case heuristicRate = "heuristic_rate"
    }
}
