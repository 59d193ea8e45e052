internal import Simulation

/// How the paper's table is run.
public struct PaperSettings: Codable, Sendable, Hashable {
    /// Requests of a cell. The paper does not say how many it sent; see `PaperTable.md`.
    public var requests: Int
    /// Decides lengths of requests and searches.
    public var seed: UInt64
    /// How many times as long as public measurements of the devices say everything takes; a table for each.
    public var slowdowns: [Double]
    /// Seconds between two requests.
    public var intervals: [Double]
    /// Whether the cell of `extended` every second is run again with other settings, to show what they decide.
    public var hasVariations: Bool
    /// Whether the largest rates with bounded queues are searched.
    public var hasCapacities: Bool

    /// The slowdown at which the paper's E2LLM waits about as long as the paper says in one cell (`extended` every second).
    public static let calibratedSlowdown = 2.5

    /// Makes the defaults.
    public init(requests: Int = 100, seed: UInt64 = 1) {
        self.requests = requests
        self.seed = seed
        slowdowns = [1, Self.calibratedSlowdown]
        intervals = PaperWorkload.intervals
        hasVariations = true
        hasCapacities = true
    }

    private enum CodingKeys: String, CodingKey {
        case requests, seed, slowdowns, intervals
        case hasVariations = "variations"
        case hasCapacities = "capacities"
    }

    /// Checks that the settings can be run.
    func check() throws(ExperimentError) {
        func refuse(_ what: String) -> ExperimentError { ExperimentError(.invalidSettings, what) }
        if !(2...100_000).contains(requests) { throw refuse("requests: \(requests) is not in 2...100000") }
        if slowdowns.isEmpty { throw refuse("slowdowns: there is none") }
        for slowdown in slowdowns where !(slowdown >= 0.01 && slowdown <= 100) {
            throw refuse("slowdowns: \(slowdown) is not in 0.01...100")
        }
        if intervals.isEmpty { throw refuse("intervals: there is none") }
        for interval in intervals where !(interval >= 0.001 && interval <= 3600) {
            throw refuse("intervals: \(interval) is not in 0.001...3600 s")
        }
    }
}
