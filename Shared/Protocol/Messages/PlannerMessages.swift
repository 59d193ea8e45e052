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

    /// Makes the body.
    public init(
        reason: String, workload: WorkloadStatistics? = nil, excludedDevices: [DeviceID] = [], seed: UInt64? = nil,
        fleetVersion: UInt64? = nil
    ) {
        self.reason = reason
        self.workload = workload
        self.excludedDevices = excludedDevices
        self.seed = seed
        self.fleetVersion = fleetVersion
    }

    private enum CodingKeys: String, CodingKey {
        case reason, workload, seed
        case excludedDevices = "excluded_devices"
        case fleetVersion = "fleet_version"
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

    /// Makes the body.
    public init(plan: PlacementPlan, reason: String, searchSeconds: Double) {
        self.plan = plan
        self.reason = reason
        self.searchSeconds = searchSeconds
    }

    private enum CodingKeys: String, CodingKey {
        case plan, reason
        case searchSeconds = "search_s"
    }
}
