internal import Simulation

/// What scenarios of one mode say together: geometric means over scenarios.
public struct LadderSummary: Codable, Sendable, Hashable {
    /// E2LLM beside one baseline at one share of its capacity.
    public struct Beside: Codable, Sendable, Hashable {
        /// The baseline.
        public var baseline: String
        /// The share of its capacity.
        public var share: Double
        /// Scenarios.
        public var count: Int
        /// Ratio of waiting.
        public var waiting: Double?
        /// Ratio of the time to the last token.
        public var total: Double?
        /// Share of the scenarios in which waiting is at most half.
        public var halved: Double?
        /// Share of the scenarios in which the time to the last token is not worse.
        public var quick: Double?
        /// Share of the scenarios in which neither the time to the last token nor throughput is worse.
        public var sound: Double?
    }

    /// What systems may use.
    public var mode: SuiteMode
    /// Scenarios.
    public var count: Int
    /// E2LLM's capacity over the best baseline's.
    public var capacity: Double?
    /// The least of these.
    public var leastCapacity: Double?
    /// Capacity over the best baseline's with our plan and their scheduler, and the other way round.
    public var crossovers: [String: Double]
    /// E2LLM beside the baselines.
    public var beside: [Beside]

    /// Takes the scenarios of a mode.
    public init(mode: SuiteMode, _ outcomes: [LadderOutcome], shares: [Double]) {
        self.mode = mode
        count = outcomes.count
        let ratios = outcomes.compactMap(\.capacityRatio)
        capacity = Averages.geometricMean(ratios)
        leastCapacity = ratios.min()
        crossovers = [:]
        for system in Ladder.crossovers {
            crossovers[system.rawValue] = Averages.geometricMean(
                outcomes.compactMap { outcome in
                    guard let best = Ladder.baselines.compactMap(outcome.capacity).max(), best > 0 else { return nil }
                    return outcome.capacity(system).map { $0 / best }
                })
        }
        beside = Ladder.baselines.flatMap { baseline in
            shares.map { share in
                let measures = outcomes.flatMap(\.measures).filter {
                    $0.baseline == baseline.rawValue && $0.share == share
                }
                let waiting = measures.map(\.waitingRatio)
                return Beside(
                    baseline: baseline.rawValue, share: share, count: measures.count,
                    waiting: Averages.geometricMean(waiting),
                    total: Averages.geometricMean(measures.map(\.totalRatio)),
                    halved: Averages.share(waiting) { $0 <= 0.5 },
                    quick: Averages.share(measures.map { $0.isQuick ? 1 : 0 }) { $0 > 0 },
                    sound: Averages.share(measures.map { $0.isSound ? 1 : 0 }) { $0 > 0 })
            }
        }
    }

    private enum CodingKeys: String, CodingKey {
        case mode, count, crossovers, beside
        case capacity = "capacity_ratio"
        case leastCapacity = "least_capacity_ratio"
    }
}
