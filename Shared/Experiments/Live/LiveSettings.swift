public import Simulation

/// How large a live comparison is. Another comparison may go on in the folder of one only where all of this is the same.
public struct LiveSettings: Codable, Sendable, Hashable {
    /// Prepared sizes; the raw values are names for command lines.
    public enum Size: String, Codable, Sendable, Hashable, CaseIterable {
        /// Ours beside two others at one load, one seed.
        case quick
        /// All systems, three loads, three seeds.
        case standard
        /// The same with five seeds and longer runs.
        case full
    }

    /// All systems that are compared with ours, in the order in which they run.
    public static let baselines: [SimulatedSystem] = [.splitwiseAdapted, .b1, .b2, .b3, .b0, .b0c, .paper]

    /// The systems; ours runs last, since it meets each other one at rates that follow from that one's capacity.
    public var systems: [SimulatedSystem]
    /// Shares of each baseline's own capacity.
    public var shares: [Double]
    /// Seeds of the arrivals and lengths.
    public var seeds: [UInt64]
    /// Seconds over which the requests of a run arrive.
    public var spanSeconds: Double
    /// The same of a run of a capacity search.
    public var searchSpanSeconds: Double
    /// Fewest and most requests of a run.
    public var leastRequests: Int
    /// Most requests of a run.
    public var mostRequests: Int
    /// Relative width at which a capacity search ends.
    public var precision: Double
    /// Most runs of a capacity search.
    public var mostSearchRuns: Int
    /// Mean tokens of prompts.
    public var promptTokens: Double
    /// Mean tokens of outputs.
    public var outputTokens: Double

    /// Takes a prepared size.
    public init(_ size: Size) {
        systems = size == .quick ? [.splitwiseAdapted, .b0c, .e2llm] : Self.baselines + [.e2llm]
        shares = size == .quick ? [0.9] : [0.3, 0.6, 0.9]
        seeds = size == .quick ? [1] : size == .standard ? [1, 2, 3] : [1, 2, 3, 4, 5]
        spanSeconds = size == .full ? 120 : 60
        searchSpanSeconds = size == .quick ? 20 : 30
        (leastRequests, mostRequests) = size == .full ? (60, 200) : (30, 100)
        precision = size == .quick ? 0.2 : 0.1
        mostSearchRuns = size == .quick ? 5 : 8
        promptTokens = 120
        outputTokens = 30
    }

    /// Ours first of all is not among them.
    public var baselines: [SimulatedSystem] { systems.filter { $0 != .e2llm } }

    /// Requests of a run at a rate.
    public func requests(rate: Double, isSearch: Bool) -> Int {
        let wanted = rate * (isSearch ? searchSpanSeconds : spanSeconds)
        let least = isSearch ? leastRequests * 2 / 3 : leastRequests
        return min(mostRequests, max(least, wanted.isFinite ? Int(wanted.rounded()) : mostRequests))
    }

    /// Checks that the settings can be run.
    ///
    /// - Throws: `invalidSettings`, naming what is wrong.
    public func check() throws(ExperimentError) {
        func refuse(_ what: String) -> ExperimentError { ExperimentError(.invalidSettings, what) }
        guard systems.last == .e2llm, systems.count > 1 else {
            throw refuse("systems: e2llm and another one are needed")
        }
        guard Set(systems).count == systems.count else { throw refuse("systems: one is there twice") }
        for system in systems where LiveServing(system) == nil {
            throw refuse("systems: \(system.rawValue) can only be simulated")
        }
        if shares.isEmpty || seeds.isEmpty { throw refuse("shares and seeds: there is none") }
        for share in shares where !(share > 0 && share <= 1) { throw refuse("shares: \(share) is not in 0...1") }
        for (name, seconds) in [("span", spanSeconds), ("search span", searchSpanSeconds)]
        where !(1...3600).contains(seconds) {
            throw refuse("\(name): \(seconds) s is not in 1...3600")
        }
        guard leastRequests >= 10, mostRequests >= leastRequests, mostRequests <= 10_000 else {
            throw refuse("requests: \(leastRequests) to \(mostRequests) are not in 10...10000")
        }
        guard precision > 0.01, mostSearchRuns > 1 else { throw refuse("search: too narrow or without runs") }
        for tokens in [promptTokens, outputTokens] where !(2...100_000).contains(tokens) {
            throw refuse("tokens: \(tokens) are not in 2...100000")
        }
    }
}
