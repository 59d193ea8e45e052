public import Domain

/// Messages of the clusterer and the partitioner. The bodies of `partition.solve` and `partition.solution` are made of
/// the planner's query and answer types.
extension MessageType {
    /// clusterer -> partitioner: a batch of queries; reply `partition.solution`.
    public static let partitionSolve: MessageType = "partition.solve"
    /// Reply to `partition.solve`, answers in the order of the queries.
    public static let partitionSolution: MessageType = "partition.solution"
    /// scheduler or command line -> clusterer: `PlanRequest`; reply `plan.proposal`.
    public static let planRequest: MessageType = "plan.request"
    /// Reply to `plan.request`, and published: `PlanProposal`.
    public static let planProposal: MessageType = "plan.proposal"
}

/// Asks for a plan for the fleet as it is now.
public struct PlanRequest: Codable, Sendable, Hashable {
    /// Why, for the record.
    public var reason: String
    /// The traffic to plan for; absent means what the clusterer last heard.
    public var workload: WorkloadStatistics?
    /// Devices that must not be used, for example because they failed to load a stage.
    public var excludedDevices: [DeviceID]
    /// Seed of the search; absent means the configured one.
    public var seed: UInt64?
    /// The smallest fleet version that the asker has seen; the clusterer waits for it briefly.
    public var fleetVersion: UInt64?
    /// The plan in force; the answer says whether to move away from it.
    public var planInForce: PlacementPlan?
    /// The longest sequence that every plan must be able to hold; absent leaves it to the clusterer.
    public var contextTokens: Int?
    /// Devices that have become slower than their profiles say.
    public var slowdowns: [DeviceSlowdown]?

    /// Makes the body.
    public init(
        reason: String, workload: WorkloadStatistics? = nil, excludedDevices: [DeviceID] = [], seed: UInt64? = nil,
        fleetVersion: UInt64? = nil, planInForce: PlacementPlan? = nil, contextTokens: Int? = nil,
        slowdowns: [DeviceSlowdown]? = nil
    ) {
        self.slowdowns = slowdowns
        self.contextTokens = contextTokens
        self.reason = reason
        self.workload = workload
        self.excludedDevices = excludedDevices
        self.seed = seed
        self.fleetVersion = fleetVersion
        self.planInForce = planInForce
    }

    private enum CodingKeys: String, CodingKey {
        case reason, workload, seed, slowdowns
        case excludedDevices = "excluded_devices"
        case fleetVersion = "fleet_version"
        case contextTokens = "context_tokens"
        case planInForce = "plan_in_force"
    }
}

/// How much slower than its profile a device has become.
public struct DeviceSlowdown: Codable, Sendable, Hashable {
    /// The device.
    public var device: DeviceID
    /// Times as long as measured, at least 1.
    public var factor: Double

    /// Makes a record.
    public init(device: DeviceID, factor: Double) {
        self.device = device
        self.factor = factor
    }
}

/// A plan that the clusterer proposes.
public struct PlanProposal: Codable, Sendable, Hashable {
    /// The plan.
    public var plan: PlacementPlan
    /// Why it was made.
    public var reason: String
    /// Seconds that the search took.
    public var searchSeconds: Double
    /// Where the request named a plan in force: whether to move, and what it gains and costs. Without it the asker compares
    /// the plans itself.
    public var move: PlanMove?
    /// Where it is published: sessions of those who asked for it and got it as an answer (since 1.2).
    public var askers: [String]?

    /// Makes the body.
    public init(
        plan: PlacementPlan, reason: String, searchSeconds: Double, move: PlanMove? = nil, askers: [String]? = nil
    ) {
        self.askers = askers
        self.plan = plan
        self.reason = reason
        self.searchSeconds = searchSeconds
        self.move = move
    }

    private enum CodingKeys: String, CodingKey {
        case plan, reason, move, askers
        case searchSeconds = "search_s"
    }
}
