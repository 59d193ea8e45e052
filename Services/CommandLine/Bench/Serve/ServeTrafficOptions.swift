import ArgumentParser

/// When the requests are sent.
struct ServeTrafficOptions: ParsableArguments {
    @Option(parsing: .unconditional, help: "Requests per second; inf sends all at once.")
    var requestRate: Double = .infinity
    @Option(
        parsing: .unconditional,
        help: "Shape of the gaps between requests (gamma distribution): 1 Poisson, below 1 in bursts, above 1 evenly.")
    var burstiness: Double = 1
    @Option(parsing: .unconditional, help: "Most requests that are under way at a time; the others wait unmeasured.")
    var maxConcurrency: Int?
    @Option(parsing: .unconditional, help: "Requests before the measured ones, with prompts of their own.")
    var numWarmups: Int = 0
    @Flag(help: "Send all prompts once before they are measured, so that a cache of prompts can serve them.")
    var warm = false

    /// The traffic that the options ask for.
    func traffic(seed: UInt64) throws -> ServeTraffic {
        guard requestRate > 0 else {
            throw Failure(.usage, "--request-rate is \(requestRate), it must be positive or inf")
        }
        guard burstiness > 0, burstiness.isFinite else {
            throw Failure(.usage, "--burstiness is \(burstiness), it must be positive")
        }
        if let maxConcurrency, !(1...100_000).contains(maxConcurrency) {
            throw Failure(.usage, "--max-concurrency is \(maxConcurrency), it must be 1 to 100000")
        }
        guard (0...100_000).contains(numWarmups) else {
            throw Failure(.usage, "--num-warmups is \(numWarmups), it must be 0 to 100000")
        }
        return ServeTraffic(
            requestRate: requestRate, burstiness: burstiness, maxConcurrency: maxConcurrency, seed: seed)
    }
}
