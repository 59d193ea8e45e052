public import Simulation

/// A fleet, a model, a stream of requests and what systems may use.
public struct LadderScenario: Codable, Sendable, Hashable {
    /// The fleet and the model.
    public var fleet: SuiteFleet
    /// Name of the stream.
    public var stream: String
    /// What systems may use.
    public var mode: SuiteMode
    /// Requests.
    public var requests: Int

    /// Names a scenario.
    public init(fleet: SuiteFleet, stream: String, mode: SuiteMode, requests: Int) {
        self.fleet = fleet
        self.stream = stream
        self.mode = mode
        self.requests = requests
    }

    /// A short text for people.
    public var label: String { "\(fleet.label), \(stream), \(mode.rawValue)" }
}

/// The measures of one run; means over its requests, in seconds.
public struct LadderFigures: Codable, Sendable, Hashable {
    /// Waiting, and its parts.
    public var waiting: Double
    /// Its 90th percentile.
    public var waitingP90: Double
    /// Waiting for prefill, for room on the decoder, for KV that prefill does not hide, for a decode step, and stalls.
    public var parts: [Double]
    /// Arrival to first token.
    public var timeToFirstToken: Double
    /// Time per output token.
    public var timePerOutputToken: Double
    /// Arrival to last token.
    public var total: Double
    /// Requests per second.
    public var throughput: Double

    init(_ record: RunRecord) {
        let summary = RunSummary(record)
        waiting = summary.waiting.mean
        waitingP90 = summary.waiting.p90
        parts = [
            summary.prefillWait, summary.memoryWait, summary.transfer, summary.decodeWait, summary.stall,
        ].map(\.mean)
        timeToFirstToken = summary.timeToFirstToken.mean
        timePerOutputToken = summary.timePerOutputToken.mean
        total = summary.total.mean
        throughput = summary.throughput
    }

    private enum CodingKeys: String, CodingKey {
        case parts, throughput
        case waiting = "w_total"
        case waitingP90 = "w_total_p90"
        case timeToFirstToken = "ttft"
        case timePerOutputToken = "tpot"
        case total = "e2e"
    }
}

/// A baseline and E2LLM under the same requests.
public struct LadderMeasure: Codable, Sendable, Hashable {
    /// The baseline's name.
    public var baseline: String
    /// The rate as a share of the baseline's capacity.
    public var share: Double
    /// Requests per second.
    public var rate: Double
    /// What the baseline does.
    public var theirs: LadderFigures
    /// What E2LLM does.
    public var ours: LadderFigures

    /// Makes a measure.
    public init(baseline: String, share: Double, rate: Double, theirs: LadderFigures, ours: LadderFigures) {
        self.baseline = baseline
        self.share = share
        self.rate = rate
        self.theirs = theirs
        self.ours = ours
    }

    /// Ratio of waiting; both sides are at least 10 ms, since below that nothing is waited for.
    public var waitingRatio: Double { max(0.01, ours.waiting) / max(0.01, theirs.waiting) }
    /// Ratio of arrival to last token.
    public var totalRatio: Double { ours.total / max(1e-9, theirs.total) }
    /// Whether the mean time to the last token is not worse (by more than half a percent).
    public var isQuick: Bool { ours.total <= theirs.total * 1.005 }
    /// Whether neither the mean time to the last token nor throughput is worse (by more than half a percent).
    public var isSound: Bool {
        isQuick && ours.throughput >= theirs.throughput * 0.995
    }
}

/// What came out of one scenario.
public struct LadderOutcome: Codable, Sendable, Hashable {
    /// One system.
    public struct System: Codable, Sendable, Hashable {
        /// Its name.
        public var name: String
        /// Requests per second that its plan sustains by the cost model.
        public var planned: Double
        /// Requests per second up to which its queues stay bounded.
        public var capacity: Double

        /// Makes a line.
        public init(name: String, planned: Double, capacity: Double) {
            self.name = name
            self.planned = planned
            self.capacity = capacity
        }
    }

    /// The scenario.
    public var scenario: LadderScenario
    /// The systems that could be deployed.
    public var systems: [System]
    /// E2LLM beside every baseline.
    public var measures: [LadderMeasure]

    /// Makes an outcome.
    public init(scenario: LadderScenario, systems: [System], measures: [LadderMeasure]) {
        self.scenario = scenario
        self.systems = systems
        self.measures = measures
    }

    /// A system's capacity.
    public func capacity(_ system: SimulatedSystem) -> Double? {
        systems.first { $0.name == system.rawValue }?.capacity
    }

    /// E2LLM's capacity over the best baseline's.
    public var capacityRatio: Double? {
        let best = Ladder.baselines.compactMap(capacity).max()
        guard let ours = capacity(.e2llm), let best, best > 0 else { return nil }
        return ours / best
    }
}
