internal import Domain

/// A replica with its load at the moment of a routing decision.
struct ReplicaSituation: Sendable {
    /// The replica.
    var replica: PlanReplica
    /// Whether new requests may go there.
    var routable: Bool
    /// Whether it failed a request a moment ago.
    var inhibited: Bool
    /// Tokens of KV cache that every stage can hold.
    var kvCapacity: Int
    /// Tokens reserved.
    var kvReserved = 0
    /// Requests that it has in either phase.
    var requests = 0
    /// Seconds of prefill work that is assigned and not done, corrected by measured speed.
    var prefillBacklog = 0.0
    /// Sequences that decode here or are on their way.
    var sequences = 0
    /// Tokens that they have still to generate, together.
    var remainingTokens = 0.0
    /// Measured over estimated time, per phase.
    var correction = SpeedCorrection()

    /// Tokens that a mean sequence has still to generate.
    var meanRemaining: Double { sequences > 0 ? remainingTokens / Double(sequences) : 0 }

    /// Whether so many more tokens can be reserved.
    func hasRoom(_ tokens: Int) -> Bool { kvReserved + tokens <= kvCapacity }

    /// Most sequences that may decode here at once.
    func sequenceLimit(overcommit: Double) -> Int {
        let target = max(1, replica.decodeConcurrency)
        return max(target, Int((Double(target) * max(1, overcommit)).rounded()))
    }
}

/// Measured over estimated time of a replica; 1 means that the estimates are right.
struct SpeedCorrection: Sendable, Hashable {
    /// Of prefill.
    var prefill = 1.0
    /// Of decode.
    var decode = 1.0
}
