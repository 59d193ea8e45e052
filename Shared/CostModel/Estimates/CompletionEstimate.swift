public import Domain

/// Work that a replica has before a new request, as the scheduler counts it.
public struct ReplicaBacklog: Sendable, Hashable {
    /// Seconds of prefill work that are queued or running before the new prompt, as sums of `cycleSeconds`.
    public var prefillSeconds: Double
    /// Sequences that decode now.
    public var activeSequences: Int
    /// Sequences that wait to decode, or are on their way here.
    public var waitingSequences: Int
    /// Mean tokens that an active or waiting sequence has still to generate.
    public var meanRemainingTokens: Double

    /// Makes a backlog; the default is an idle replica.
    public init(
        prefillSeconds: Double = 0, activeSequences: Int = 0, waitingSequences: Int = 0,
        meanRemainingTokens: Double = 0
    ) {
        self.prefillSeconds = prefillSeconds
        self.activeSequences = activeSequences
        self.waitingSequences = waitingSequences
        self.meanRemainingTokens = meanRemainingTokens
    }
}

/// When a request would be done on a pair of replicas, in seconds.
public struct CompletionEstimate: Sendable, Hashable {
    /// Waiting for the first prefill computation.
    public var prefillWaitSeconds: Double
    /// Prefill, from the first computation to the first token.
    public var prefillSeconds: Double
    /// KV transfer that is not hidden behind prefill.
    public var kvSeconds: Double
    /// Waiting for a place in the decode batch.
    public var decodeWaitSeconds: Double
    /// Decode steps.
    public var decodeSeconds: Double

    /// Everything that is not the request's own computation.
    public var waitingSeconds: Double { prefillWaitSeconds + kvSeconds + decodeWaitSeconds }
    /// Arrival to first token.
    public var firstTokenSeconds: Double { prefillWaitSeconds + prefillSeconds }
    /// Arrival to last token.
    public var totalSeconds: Double { waitingSeconds + prefillSeconds + decodeSeconds }
}

extension FleetCost {
    /// Estimates when a request of `promptTokens` and about `outputTokens` tokens would be done with prefill on one replica
    /// and decode on another (or on the same one: then nothing travels, and its prompts stall its decode steps).
    /// `nil` where a device is unknown or cannot do its phase.
    public func completion(
        promptTokens: Int, outputTokens: Int, prefill: PlanReplica, prefillBacklog: ReplicaBacklog,
        decode: PlanReplica, decodeBacklog: ReplicaBacklog, chunkTokens: Int? = nil, kvBytesShare: Double = 1
    ) -> CompletionEstimate? {
        guard let prompt = prefillEstimate(prefill.stages, tokens: promptTokens, chunkTokens: chunkTokens)
        else { return nil }
        let places = max(1, decode.decodeConcurrency)
        let context = promptTokens + outputTokens / 2
        let running = min(places, decodeBacklog.activeSequences + decodeBacklog.waitingSequences + 1)
        guard
            let step = decodeEstimate(decode.stages, concurrency: running, contextTokens: context),
            let full = decodeEstimate(decode.stages, concurrency: places, contextTokens: context)
        else { return nil }
        var kvSeconds = 0.0
        if prefill.id != decode.id {
            let flows = kvFlows(
                from: prefill.stages, to: decode.stages, tokens: promptTokens, bytesShare: kvBytesShare)
            kvSeconds = exposedKVSeconds(
                transferSeconds: kvTransferSeconds(flows), prefillSeconds: prompt.latencySeconds,
                tokens: promptTokens, chunkTokens: chunkTokens)
        }
        let arrival = prefillBacklog.prefillSeconds + prompt.latencySeconds + kvSeconds
        return CompletionEstimate(
            prefillWaitSeconds: max(0, prefillBacklog.prefillSeconds), prefillSeconds: prompt.latencySeconds,
            kvSeconds: kvSeconds,
            decodeWaitSeconds: decodeWait(decodeBacklog, places: places, gap: full.tokenGapSeconds, arrival: arrival),
            decodeSeconds: Double(max(0, outputTokens - 1)) * step.tokenGapSeconds)
    }

    /// Places become free one after the other: the k-th of `places` running sequences ends, in the mean, after
    /// k / places of twice the mean remaining work. What passes before the request gets here does not count as waiting.
    private func decodeWait(_ backlog: ReplicaBacklog, places: Int, gap: Double, arrival: Double) -> Double {
        let before = backlog.activeSequences + backlog.waitingSequences
        guard before >= places else { return 0 }
        let departures = Double(before - places + 1)
        let secondsPerDeparture = max(1, backlog.meanRemainingTokens) * gap * 2 / Double(places + 1)
        return max(0, departures * secondsPerDeparture - arrival)
    }
}
