internal import Domain

/// What replicas probably have of a prompt's KV cache, by the prompts that were sent to them. It only serves estimates: what
/// is used is decided by the replicas.
extension SchedulerCore {
    /// Whether a replica is to keep KV cache for requests to come: all of its stages can.
    func keepsPrefixes(_ replica: PlanReplica) -> Bool {
        configuration.reusesPrefixes && replica.workers.allSatisfy { workers[$0]?.reusesPrefixes == true }
    }

    /// Whether all stages of a replica can keep KV cache of prompts that are handed over, and hand over, or be handed, only
    /// what is missing.
    func handsOverPrefixes(_ replica: PlanReplica) -> Bool {
        replica.workers.allSatisfy {
            workers[$0]?.handsOverPrefixes == true && workers[$0]?.reusesPrefixes == true
        }
    }

    /// Tokens that every stage of the replica that prefills can hold, where it may keep some of them for requests to come;
    /// `nil` where it or the decoder, which may be the same, cannot do its part.
    func prefillCapacity(_ prefill: PlanReplica, handingOverTo decoder: PlanReplica) -> Int? {
        guard configuration.reusesPrefixes, let record = replicas[prefill.id], handsOverPrefixes(prefill),
            handsOverPrefixes(decoder)
        else { return nil }
        return kvCapacity(of: record)
    }

    /// Whether decoders keep what other replicas have computed: layers with a window get only the end of it.
    var keepsWhatIsHandedOver: Bool { fleet.model?.slidingWindow == nil }

    /// Notes what replicas have of the prompt for which one is to be chosen.
    func notePrefix(of request: SubmittedRequest, in situations: inout [ReplicaSituation]) {
        for index in situations.indices {
            let cached = cachedTokens(of: request, on: situations[index].replica)
            situations[index].cachedTokens = cached
            situations[index].heldTokens = keepsWhatIsHandedOver ? cached : 0
        }
    }

    /// Tokens of a prompt whose KV cache a replica probably has.
    func cachedTokens(of request: SubmittedRequest, on replica: PlanReplica) -> Int {
        guard let known = routedPrefixes[replica.id], known.formed == replicas[replica.id]?.formed else { return 0 }
        return known.prompts.cachedTokens(request.prefix, of: request.promptTokens)
    }

    /// A prompt is sent to a replica that keeps its KV cache, computed there or not.
    mutating func notePrefix(of request: SubmittedRequest, on replica: PlanReplica) {
        guard keepsPrefixes(replica), let record = replicas[replica.id] else { return }
        var known = routedPrefixes[replica.id] ?? (record.formed, RoutedPrefixes())
        if known.formed != record.formed { known = (record.formed, RoutedPrefixes()) }
        known.prompts.note(request.prefix, capacityTokens: kvCapacity(of: record))
        routedPrefixes[replica.id] = known
    }
}
