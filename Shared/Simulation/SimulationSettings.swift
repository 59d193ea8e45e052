public import Scheduling

/// What the simulated services may use; the same for all systems that are compared.
public struct SimulationSettings: Sendable, Hashable {
    /// Most sequences that a replica decodes together; `nil` for what workers take for the replica's planned concurrency.
    public var largestBatch: Int? = 16
    /// Whether a replica decodes no more sequences together than its plan says, whatever the largest batch is.
    public var keepsConcurrency = false
    /// How prompts are computed beside sequences that decode.
    public var batching = Batching.chunks
    /// Tokens of a prefill chunk; `nil` for whole prompts.
    public var chunkTokens: Int? = 256
    /// Whether KV travels while the prompt is still being computed.
    public var streams = true
    /// What schedulers may know of output lengths; every system reserves memory for the true length.
    public var lengthKnowledge = LengthKnowledge.mean
    /// How many times its decode concurrency a replica may be loaded with, where the estimates favour it.
    public var overcommit = SchedulingConfiguration().overcommit
    /// Longest prompt that a pure decoder replica may prefill for itself while prefill replicas serve.
    public var localPrefillTokens = SchedulingConfiguration().localPrefillTokens
    /// How replicas are chosen.
    public var routing = RoutingPolicy.estimatedWait
    /// Times that later requests may go before one, for want of room or since their prompts are shorter.
    public var mostOvertakers = SchedulingConfiguration().mostOvertakers
    /// What the record tells of devices and links over time; `nil` for nothing, which is faster.
    public var timeline: TimelineSettings?

    /// Makes the defaults.
    public init() {}

    /// Most sequences that a replica decodes together.
    var batchLimit: DecodeLimit { keepsConcurrency ? .planned : largestBatch.map { .fixed($0) } ?? .twicePlanned }

    /// What is wrong, naming the field; `nil` where nothing is.
    var problem: String? {
        if let largestBatch, !(1...4096).contains(largestBatch) {
            return "largest batch: \(largestBatch) is not in 1...4096"
        }
        if let chunkTokens, !(1...(1 << 20)).contains(chunkTokens) {
            return "chunk: \(chunkTokens) is not in 1...\(1 << 20)"
        }
        if mostOvertakers < 0 { return "overtakers: \(mostOvertakers) is negative" }
        if localPrefillTokens < 0 { return "local prefill tokens: \(localPrefillTokens) is negative" }
        if !(overcommit >= 1 && overcommit <= 1000) { return "overcommit: \(overcommit) is not in 1...1000" }
        if let problem = timeline?.problem { return "timeline: \(problem)" }
        return nil
    }
}
