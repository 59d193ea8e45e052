public import Scheduling

/// How the reference behaviour routes requests; see `ReferenceServices`.
public enum ReferenceRouting: String, Sendable, Hashable, CaseIterable {
    /// Prompts to the fewest pending prompt tokens, decoding to the fewest assigned context tokens.
    case tokens
    /// Both to the least backlog in seconds, the decoder's with the KV transfer.
    case backlog
    /// Splitwise's pools with machines that change sides under load; see `MixedPools`.
    case mixedPools = "mixed-pools"

    /// What counts as load; `nil` for pools, which have a rule of their own.
    var measure: LoadRouting.Measure? {
        switch self {
        case .tokens: .tokens
        case .backlog: .backlog
        case .mixedPools: nil
        }
    }
}

/// What the reference services may use.
public struct ReferenceSettings: Sendable, Hashable {
    /// How requests are routed.
    public var routing = ReferenceRouting.backlog
    /// Most sequences that a group decodes together.
    public var largestBatch = 16
    /// Whether a group decodes no more sequences together than its plan says; otherwise up to the largest batch.
    public var keepsConcurrency = false
    /// Whether KV travels while the prompt is still being computed; otherwise when prefill has ended.
    public var streams = false
    /// What backlogs may know of output lengths; reservations know them always.
    public var lengthKnowledge = LengthKnowledge.exact
    /// Mean output of the traffic, for backlogs that do not know the length.
    public var meanOutputTokens = 200.0
    /// Pieces in which a streamed prompt's KV becomes available.
    public var pieces = 8
    /// With mixed pools: tokens that an instance with work may have before the next one is asked.
    public var queueTokens = 8192
    /// What the record tells of devices and links over time; `nil` for nothing, which is faster.
    public var timeline: TimelineSettings?

    /// Makes the defaults.
    public init() {}

    /// What is wrong, naming the field; `nil` where nothing is.
    var problem: String? {
        if !(1...4096).contains(largestBatch) { return "largest batch: \(largestBatch) is not in 1...4096" }
        if !(1...1024).contains(pieces) { return "pieces: \(pieces) is not in 1...1024" }
        if queueTokens < 1 { return "queue tokens: \(queueTokens) must be positive" }
        if let problem = timeline?.problem { return "timeline: \(problem)" }
        return nil
    }
}
