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
