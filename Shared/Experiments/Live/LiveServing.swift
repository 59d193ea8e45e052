internal import Planning
internal import Scheduling
public import Simulation

/// How the services run a system: routing and batching by configuration, the plan by a file.
public struct LiveServing: Sendable, Hashable {
    private let routing: RoutingPolicy
    private let batching: Batching
    private let batchLimit: DecodeLimit
    /// Most sequences of a replica of a baseline, as in simulations.
    private static let largestBatch = SystemConditions().largestBatch

    /// Takes the rules of a system; `nil` for one that the services cannot be: Splitwise's mixed pool needs devices that hold
    /// the model for both roles.
    public init?(_ system: SimulatedSystem) {
        switch system {
        case .e2llm, .b0c, .schedulerOnly: (routing, batching, batchLimit) = (.estimatedWait, .chunks, .twicePlanned)
        case .paper: (routing, batching, batchLimit) = (.leastBacklog, .wholePrompts, .planned)
        case .splitwiseAdapted: (routing, batching, batchLimit) = (.leastTokens, .wholePrompts, .planned)
        case .b1: (routing, batching, batchLimit) = (.leastTokens, .wholePrompts, .fixed(Self.largestBatch))
        case .b0, .b2, .b3, .hexgen2, .helix, .plannerOnly:
            (routing, batching, batchLimit) = (.leastBacklog, .wholePrompts, .fixed(Self.largestBatch))
        case .b1m: return nil
        }
    }

    /// What all systems are started with: no new plans while they are measured, nothing refused for having waited, no
    /// guesses and no reuse of prompts, which the cost model knows nothing of.
    public static func common(devices: Int) -> [String] {
        [
            "scheduler.minimum_devices=\(devices)", "scheduler.drift_factor=1000", "scheduler.minimum_gain=10",
            "scheduler.queue_s=3600", "scheduler.queue_limit=100000", "scheduler.speculation=false",
            "scheduler.prefix_cache=false",
        ]
    }

    /// The settings of the system, as `e2llm up --set` takes them.
    public var settings: [String] {
        [
            "scheduler.routing=\(routing.rawValue)", "fleet.batching=\(batching.rawValue)",
            "fleet.largest_batch=\(batchLimit.text)",
        ]
    }

    /// The same services simulated. The real scheduler knows a request's limit, which is its length.
    public var simulation: SimulationSettings {
        var settings = SimulationSettings()
        settings.routing = routing
        settings.batching = batching
        settings.lengthKnowledge = .limit
        switch batchLimit {
        case .twicePlanned: settings.largestBatch = nil
        case .planned: (settings.largestBatch, settings.keepsConcurrency) = (nil, true)
        case .fixed(let number): settings.largestBatch = number
        }
        return settings
    }
}
