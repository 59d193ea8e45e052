internal import CostModel
internal import Domain

/// One group of devices under the reference behaviour: one prompt at a time, the next after the slowest stage; continuous
/// batching of sequences; a prompt that waits goes before the next decode step.
struct ReferenceGroup {
    /// A sequence that decodes.
    struct Sequence {
        var request: Int
        var generated: Int
        /// What prompts had delayed the group by when it began.
        var delayedBefore: Double
    }

    let replica: PlanReplica
    /// Tokens of KV cache that it has room for.
    let capacity: Int
    /// Most sequences that it decodes together.
    let places: Int
    /// Requests whose prompts wait, in order.
    var prompts: [Int] = []
    /// Requests that wait for room for their KV cache, in order.
    var transfers: [Int] = []
    /// Requests whose KV cache is here and that have no place yet, in order.
    var joining: [Int] = []
    var running: [Sequence] = []
    /// Tokens reserved.
    var held = 0
    /// When its first stage is free.
    var busyUntil = 0.0
    /// Whether an event at `busyUntil` is in the calendar.
    var isWatched = false
    /// Seconds by which prompts have delayed sequences so far.
    var promptSeconds = 0.0
    /// Seconds that each stage has computed.
    var busy: [Double]
    /// Prompts that are assigned and not computed: tokens, and the seconds between them and their successors.
    var pendingTokens = 0
    var pendingSeconds = 0.0
    /// Requests that decode or will decode here.
    var assigned: Set<Int> = []
    /// Seconds of a full group for each token of a sequence.
    let secondsPerToken: Double

    init?(_ replica: PlanReplica, _ cost: FleetCost, largestBatch: Int, contextTokens: Int) {
        let capacity = cost.kvCapacityTokens(replica.stages)
        guard cost.prefillEstimate(replica.stages, tokens: 1) != nil || replica.role == .decode else { return nil }
        self.replica = replica
        self.capacity = capacity
        busy = [Double](repeating: 0, count: replica.stages.count)
        places = largestBatch
        let full = max(1, min(largestBatch, capacity / max(1, contextTokens)))
        let step = cost.decodeEstimate(replica.stages, concurrency: full, contextTokens: contextTokens)
        secondsPerToken = (step?.tokenGapSeconds ?? .infinity) / Double(full)
    }

    /// Whether it has nothing to do.
    var isIdle: Bool { prompts.isEmpty && running.isEmpty && joining.isEmpty && transfers.isEmpty && assigned.isEmpty }
}
