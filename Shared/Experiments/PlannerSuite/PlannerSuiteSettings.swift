/// How large a run of the planner suite is and what it starts from.
public struct PlannerSuiteSettings: Codable, Sendable, Hashable {
    /// Prepared sizes; the raw values are names for command lines.
    public enum Size: String, Codable, Sendable, Hashable, CaseIterable {
        /// A look: 30 small instances, fleets of up to 24 devices.
        case quick
        /// All sizes of fleets, a few of each.
        case standard
        /// All sizes of fleets, many of each.
        case full
    }

    /// How many fleets of one size are drawn.
    public struct FleetDraws: Codable, Sendable, Hashable {
        /// Devices of a fleet.
        public var devices: Int
        /// Fleets for each model.
        public var count: Int

        /// Makes a number of draws.
        public init(devices: Int, count: Int) {
            self.devices = devices
            self.count = count
        }
    }

    /// Decides every fleet that is drawn.
    public var seed: UInt64
    /// Names of models of `ModelCatalogue`.
    public var models: [String]
    /// Small instances that are compared with the optimum; they go round `smallDevices`, the models and the modes.
    public var smallCount: Int
    /// Devices of small instances, 2 to 9.
    public var smallDevices: [Int]
    /// Fleets that are compared with the baselines, in every mode.
    public var fleets: [FleetDraws]
    /// The rate of requests as a share of what the best baseline sustains.
    public var rateShare: Double

    /// Takes a prepared size.
    public init(_ size: Size = .standard, seed: UInt64 = 1) {
        self.seed = seed
        models = ["llama-2-7b-q4", "llama-2-13b-q4", "llama-3-8b-q4"]
        smallDevices = Array(4...9)
        rateShare = 0.9
        let counts: [(devices: Int, count: Int)]
        switch size {
        case .quick: (smallCount, counts) = (30, [(6, 1), (8, 1), (12, 1), (24, 1)])
        case .standard:
            smallCount = 216
            counts = [(6, 4), (8, 4), (10, 2), (12, 2), (16, 2), (24, 1), (32, 1), (48, 1), (64, 1)]
        case .full:
            smallCount = 648
            counts = [(6, 12), (8, 12), (10, 8), (12, 8), (16, 6), (24, 4), (32, 4), (48, 3), (64, 3)]
        }
        fleets = counts.map { FleetDraws(devices: $0.devices, count: $0.count) }
    }

    private enum CodingKeys: String, CodingKey {
        case seed, models, fleets
        case smallCount = "small_count"
        case smallDevices = "small_devices"
        case rateShare = "rate_share"
    }
}
