public import Domain

/// How a length is distributed over a stream, in tokens.
public struct LengthStatistics: Sendable, Hashable {
    /// The mean.
    public let mean: Double
    /// The length that half of the requests are below.
    public let p50: Int
    /// The length that nine tenths of the requests are below.
    public let p90: Int
    /// The largest.
    public let max: Int
    /// Squared coefficient of variation.
    public let variation: Double

    /// Takes the figures of some lengths; all 0 without any.
    init(_ lengths: some Sequence<Int>) {
        let sorted = lengths.sorted()
        guard let last = sorted.last else {
            (mean, p50, p90, max, variation) = (0, 0, 0, 0, 0)
            return
        }
        func quantile(_ share: Double) -> Int {
            sorted[Swift.min(sorted.count - 1, Int(Double(sorted.count) * share))]
        }
        let mean = sorted.reduce(0) { $0 + Double($1) } / Double(sorted.count)
        let squares = sorted.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
        variation = mean > 0 ? squares / Double(sorted.count) / (mean * mean) : 0
        self.mean = mean
        p50 = quantile(0.5)
        p90 = quantile(0.9)
        max = last
    }
}

/// What a stream looks like.
public struct StreamStatistics: Sendable, Hashable {
    /// How many requests.
    public let count: Int
    /// Prompt lengths.
    public let prompt: LengthStatistics
    /// Output lengths.
    public let output: LengthStatistics
    /// Prompt and output together.
    public let total: LengthStatistics
    /// Mean time between arrivals in the stream's unit; 1 for a whole stream.
    public let meanInterarrival: Double
    /// Squared coefficient of variation of the times between arrivals; 1 is Poisson, and is assumed where fewer than two
    /// such times, or none above 0, are there.
    public let arrivalVariation: Double
}

extension RequestStream {
    /// The figures of the stream.
    public var statistics: StreamStatistics {
        let gaps = zip(requests, requests.dropFirst()).map { $1.arrival - $0.arrival }
        let mean = gaps.isEmpty ? 0 : gaps.reduce(0, +) / Double(gaps.count)
        let squares = gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let known = gaps.count > 1 && mean > 0
        return StreamStatistics(
            count: requests.count, prompt: LengthStatistics(requests.lazy.map(\.promptTokens)),
            output: LengthStatistics(requests.lazy.map(\.outputTokens)),
            total: LengthStatistics(requests.lazy.map(\.totalTokens)), meanInterarrival: mean,
            arrivalVariation: known ? squares / Double(gaps.count) / (mean * mean) : 1)
    }

    /// What a planner is told about the stream at a rate in requests per second.
    public func statistics(rate: Double) -> WorkloadStatistics {
        let statistics = statistics
        return WorkloadStatistics(
            requestsPerSecond: rate, meanPromptTokens: statistics.prompt.mean,
            meanOutputTokens: statistics.output.mean, arrivalVariation: statistics.arrivalVariation,
            sampleCount: requests.count)
    }
}
