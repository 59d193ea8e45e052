internal import Domain

/// Where a request is computed and what it holds there.
struct Placement: Sendable, Hashable {
    /// The replica that prefills; `nil` where the decoder does it itself.
    var prefill: ReplicaID?
    /// The replica that decodes.
    var decode: ReplicaID
    /// Tokens of KV cache reserved on the decoder.
    var reserved: Int
    /// Tokens of KV cache reserved on the prefill replica, until the KV cache has left it: the prompt's.
    var prefillReserved: Int
    /// Seconds that the prompt occupies its replica.
    var prefillWork: Double
    /// The epoch in which it was routed.
    var epoch: Epoch
}

/// One request that was routed and has not ended.
struct RequestRecord: Sendable {
    let id: RequestID
    let gateway: String
    /// Tokens to prefill.
    let promptTokens: Int
    /// Generated tokens among them.
    let continuedTokens: Int
    /// Most tokens of the output, the continued ones included.
    let maxTokens: Int
    /// Whether its output follows a constraint, or may do so where a restarted scheduler does not know.
    let isConstrained: Bool
    /// Whether it needs workers that know of biases and log probabilities, or may do so.
    var readsLogits = true
    var placement: Placement
    /// What the gateway was told.
    var routed: RoutedRequest?
    /// When the first prefill step began.
    var prefillBegan: Double?
    /// The first token was sampled.
    var prefillDone = false
    /// The KV cache has left the prefill replica.
    var kvDone = false
    /// It has begun to decode where it is.
    var decodes = false
    /// Until when the KV cache of a sequence that was decoded elsewhere must have come; `placement.prefill` is where from.
    var moveBy: Double?
    /// Tokens generated so far, the continued ones included.
    var generated: Int
    /// When something was last heard about it.
    var lastEvent: Double
    /// Gateway heartbeats in a row that did not list it.
    var missedBeats = 0

    /// Whether the prefill replica still has something to do with it.
    var usesPrefill: Bool { placement.prefill != nil && !(prefillDone && kvDone) }

    /// Tokens in its KV cache, as last heard; what is reserved, where a restarted scheduler knows nothing else.
    var heldTokens: Int {
        guard promptTokens > 0 else { return max(1, placement.reserved) }
        return max(1, min(longestTokens, promptTokens - continuedTokens + generated))
    }

    /// Tokens that prompt and output may become.
    var longestTokens: Int { promptTokens - continuedTokens + maxTokens }

    /// Goes on in another replica, which gets its KV cache from the one where it was decoded.
    mutating func move(_ routed: RoutedRequest, by deadline: Double, at now: Double) {
        placement.prefill = placement.decode
        placement.prefillReserved = placement.reserved
        placement.decode = routed.route.decodeReplica
        placement.reserved = routed.reservedTokens
        placement.epoch = routed.epoch
        self.routed = routed
        kvDone = false
        decodes = false
        moveBy = deadline
        lastEvent = now
    }

    /// Whether it would be lost with a replica.
    func touches(_ replica: ReplicaID) -> Bool {
        placement.decode == replica || (usesPrefill && placement.prefill == replica)
    }

    /// Tokens that it has still to generate, when outputs are `mean` tokens long in the mean: what has outlived the mean
    /// is expected to go on for as long again.
    func expectedTokens(mean: Double, _ knowledge: LengthKnowledge) -> Double {
        let left = Double(max(0, maxTokens - generated))
        let done = Double(max(0, generated))
        return knowledge.expected(limit: left, mean: done < mean ? mean - done : mean)
    }
}

/// A request that was told to stop; its KV cache counts until its first stage says that it is free.
struct ClosingRequest: Sendable, Hashable {
    var replica: ReplicaID
    var reserved: Int
    var until: Double
}

/// A request that waits for a route.
struct WaitingRequest: Sendable {
    var request: SubmittedRequest
    var since: Double
    /// Gateway heartbeats in a row that did not list it.
    var missedBeats = 0
    /// Later requests that were routed before it, since there was no room for it.
    var overtaken = 0
    /// The replicas that it is bound to, where requests are bound on arrival.
    var bound: BoundReplicas?
}

/// The replicas that a request waits for.
struct BoundReplicas: Sendable, Hashable {
    /// `nil` where the decoder prefills for itself.
    var prefill: ReplicaID?
    var decode: ReplicaID

    /// The one that computes the prompt.
    var first: ReplicaID { prefill ?? decode }
    /// Both of them, or the one.
    var all: Set<ReplicaID> { [first, decode] }
}
