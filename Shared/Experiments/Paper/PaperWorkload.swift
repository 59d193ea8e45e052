internal import Foundation
internal import Planning
internal import Scenarios
internal import Simulation

/// The paper's workloads, prompts of LongReason, by their mean lengths.
public enum PaperWorkload: String, Codable, Sendable, Hashable, CaseIterable {
    /// "Extended".
    case extended
    /// "Custom extended": longer prompts and outputs.
    case customExtended = "custom-extended"

    /// The paper's seconds between two requests; they are fixed.
    public static let intervals = [0.5, 1, 2, 3]
    /// Standard deviation of lengths as a share of their mean. The paper gives means only.
    static let lengthSpread = 0.2

    /// Mean tokens of a prompt.
    public var promptTokens: Double {
        switch self {
        case .extended: 576
        case .customExtended: 2284
        }
    }

    /// Mean tokens of an output.
    public var outputTokens: Double {
        switch self {
        case .extended: 588
        case .customExtended: 1004
        }
    }

    /// A name for people.
    public var title: String {
        switch self {
        case .extended: "extended"
        case .customExtended: "custom extended"
        }
    }

    /// Requests at fixed intervals. A seed gives the same lengths for every interval, and the same first requests for every
    /// count.
    func traffic(interval: Double, count: Int, seed: UInt64) throws(ExperimentError) -> SimulatedTraffic {
        // A log-normal distribution with that spread has its median by this factor below its mean.
        let median = 1 / (1 + Self.lengthSpread * Self.lengthSpread).squareRoot()
        let generator = StreamGenerator(
            prompt: StreamGenerator.Lengths(median: promptTokens * median, mean: promptTokens),
            output: StreamGenerator.Lengths(median: outputTokens * median, mean: outputTokens), arrivals: .poisson,
            seed: seed, totalTokenLimit: Int(4 * (promptTokens + outputTokens)))
        do {
            let stream = try generator.stream(count, name: rawValue)
            return SimulatedTraffic(
                name: rawValue, rate: 1 / interval,
                requests: stream.requests.enumerated().map { number, request in
                    SimulatedTraffic.Request(
                        id: request.id, arrival: Double(number) * interval, promptTokens: request.promptTokens,
                        outputTokens: request.outputTokens)
                })
        } catch {
            throw ExperimentError(.invalidSettings, error.message)
        }
    }

    /// What planners are told: the means, as in the paper, and the longest request of the traffic.
    func demand(_ traffic: SimulatedTraffic) -> PlanningDemand {
        let variation = Self.lengthSpread * Self.lengthSpread
        return PlanningDemand(
            rate: traffic.rate, promptTokens: promptTokens, outputTokens: outputTokens,
            longestRequestTokens: traffic.requests.map { $0.promptTokens + $0.outputTokens }.max() ?? 1,
            arrivalVariation: 0, promptVariation: variation, outputVariation: variation)
    }
}
