/// How large a run of the ladder of baselines is, and what it starts from.
public struct LadderSettings: Codable, Sendable, Hashable {
    /// Prepared sizes; the raw values are names for command lines.
    public enum Size: String, Codable, Sendable, Hashable, CaseIterable {
        /// A look: fleets of up to 16 devices, one stream.
        case quick
        /// Fleets of 6 to 64 devices, both streams.
        case standard
        /// The same, several fleets of each size.
        case full
    }

    /// Decides every fleet and stream that is drawn.
    public var seed: UInt64
    /// Names of models of `ModelCatalogue`.
    public var models: [String]
    /// Devices of the fleets, and how many of each size are drawn for each model.
    public var fleets: [PlannerSuiteSettings.FleetDraws]
    /// What all systems may use.
    public var modes: [SuiteMode]
    /// Requests of a stream.
    public var requests: Int
    /// Shares of each baseline's own capacity at which everything is measured.
    public var shares: [Double]

    /// Takes a prepared size.
    public init(_ size: Size = .standard, seed: UInt64 = 1) {
        self.seed = seed
        models = ["llama-2-7b-q4", "llama-2-13b-q4", "llama-3-8b-q4"]
        modes = SuiteMode.allCases.reversed()
        requests = 1000
        shares = [0.3, 0.6, 0.9]
        let counts: [(devices: Int, count: Int)] =
            switch size {
            case .quick: [(6, 1), (8, 1), (16, 1)]
            case .standard: [(6, 1), (8, 1), (12, 1), (16, 1), (24, 1), (32, 1), (48, 1), (64, 1)]
            case .full: [(6, 4), (8, 4), (12, 4), (16, 3), (24, 2), (32, 2), (48, 2), (64, 2)]
            }
        fleets = counts.map { PlannerSuiteSettings.FleetDraws(devices: $0.devices, count: $0.count) }
    }

    /// Checks that the settings can be run.
    func check() throws(ExperimentError) {
        func refuse(_ what: String) -> ExperimentError { ExperimentError(.invalidSettings, what) }
        if models.isEmpty { throw refuse("models: there is none") }
        if modes.isEmpty { throw refuse("modes: there is none") }
        if !(10...1_000_000).contains(requests) { throw refuse("requests: \(requests) are not in 10...1000000") }
        for draws in fleets {
            if !(2...256).contains(draws.devices) {
                throw refuse("fleets: \(draws.devices) devices are not in 2...256")
            }
            if !(0...1000).contains(draws.count) {
                throw refuse("fleets: \(draws.count) of a size are not in 0...1000")
            }
        }
        for share in shares where !(share > 0 && share <= 2) { throw refuse("shares: \(share) is not in 0...2") }
        if shares.isEmpty { throw refuse("shares: there is none") }
    }
}
