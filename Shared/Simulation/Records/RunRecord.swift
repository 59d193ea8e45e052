public import Domain

/// A run, simulated or measured: what was asked of which plan, and what happened to every request.
public struct RunRecord: Codable, Sendable, Hashable {
    /// Where a record is from.
    public enum Source: String, Codable, Sendable, Hashable {
        /// Computed from the cost model.
        case simulated
        /// Measured on running services.
        case measured
    }

    /// How much one device, link or medium was used.
    public struct Use: Codable, Sendable, Hashable {
        /// Its name.
        public var name: String
        /// Share of the run that it was busy.
        public var share: Double

        /// Makes a use.
        public init(name: String, share: Double) {
            self.name = name
            self.share = share
        }
    }

    /// The version of the format.
    public var format = 1
    /// Where it is from.
    public var source: Source
    /// The system: planner, scheduler and what they may use, for people.
    public var system: String
    /// Whether the scheduler knew output lengths.
    public var isOracle = false
    /// Name of the fleet.
    public var fleet: String
    /// Name of the model.
    public var model: String
    /// Name of the stream of requests.
    public var workload: String
    /// Requests per second that were asked for.
    public var rate: Double
    /// The seed of the plan's search.
    public var seed: UInt64
    /// The plan at the start.
    public var plan: PlacementPlan?
    /// Seconds from the first arrival to the last token.
    public var seconds = 0.0
    /// Requests in order of arrival.
    public var requests: [RequestTimes]
    /// Devices, in order of their names.
    public var devices: [Use] = []
    /// Links and media that KV crossed, in order of their names.
    public var network: [Use] = []
    /// Devices and links over time; `nil` where it was not recorded.
    public var timeline: RunTimeline?

    /// Makes a record without figures.
    public init(
        source: Source, system: String, fleet: String = "", model: String = "", workload: String = "", rate: Double,
        seed: UInt64 = 0, plan: PlacementPlan? = nil, requests: [RequestTimes] = []
    ) {
        self.source = source
        self.system = system
        self.fleet = fleet
        self.model = model
        self.workload = workload
        self.rate = rate
        self.seed = seed
        self.plan = plan
        self.requests = requests
    }

    /// Takes the length of the run from its requests.
    public mutating func measure() {
        let first = requests.first?.arrival ?? 0
        seconds = max(0, (requests.compactMap(\.end).max() ?? first) - first)
    }

    private enum CodingKeys: String, CodingKey {
        case format, source, system, fleet, model, workload, rate, seed, plan, requests, devices, network, timeline
        case isOracle = "oracle"
        case seconds = "makespan_s"
    }
}
