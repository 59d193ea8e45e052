public import Domain

/// KV cache that travels from one device of a prefill replica to one of a decoder replica.
public struct KVFlow: Sendable, Hashable {
    /// The sending device.
    public var from: DeviceID
    /// The receiving device.
    public var to: DeviceID
    /// The layers that both hold.
    public var layers: LayerRange
    /// Bytes for the prompt.
    public var bytes: Double
}

extension FleetCost {
    /// What must travel for a prompt of `tokens` tokens: the overlap of every prefill stage with every decoder stage,
    /// without overlaps on the same device.
    public func kvFlows(from prefill: [PlanStage], to decode: [PlanStage], tokens: Int) -> [KVFlow] {
        LayerOverlap.between(prefill, decode).compactMap { overlap in
            let (source, target) = (prefill[overlap.source].device, decode[overlap.target].device)
            guard source != target else { return nil }
            return KVFlow(
                from: source, to: target, layers: overlap.layers,
                bytes: Double(model.handedOverBytes(overlap.layers, tokens: tokens)))
        }
    }

    /// Bytes that travel for a prompt.
    public func kvTransferBytes(from prefill: [PlanStage], to decode: [PlanStage], tokens: Int) -> Double {
        kvFlows(from: prefill, to: decode, tokens: tokens).reduce(0) { $0 + $1.bytes }
    }

    /// Seconds until all flows have arrived when they start together: the most loaded resource of the network, plus the
    /// longest latency.
    public func kvTransferSeconds(_ flows: [KVFlow]) -> Double {
        let latency = flows.map { network.link(from: $0.from, to: $0.to).latencySeconds }.max() ?? 0
        return latency + (kvOccupation(flows).values.max() ?? 0)
    }

    /// Seconds that the flows occupy every resource of the network, without latency.
    public func kvOccupation(_ flows: [KVFlow]) -> [NetworkResource.Identity: Double] {
        var seconds: [NetworkResource.Identity: Double] = [:]
        for flow in flows {
            for use in network.uses(from: flow.from, to: flow.to) {
                seconds[use.resource.id, default: 0] +=
                    flow.bytes * Double(use.crossings) / use.resource.bytesPerSecond
            }
        }
        return seconds
    }

    /// Seconds of the transfer that are not hidden behind prefill, when the KV of a prompt of `tokens` tokens streams in
    /// chunks while later chunks compute.
    ///
    /// With K equal chunks that compute for p and travel for t each, the last one arrives at `max(p + K*t, K*p + t)`, so
    /// `max(K*t - (K-1)*p, t)` is exposed. Without chunks (`chunkTokens == nil`) everything is.
    public func exposedKVSeconds(
        transferSeconds: Double, prefillSeconds: Double, tokens: Int, chunkTokens: Int?
    ) -> Double {
        guard let chunkTokens, chunkTokens > 0, tokens > chunkTokens else { return transferSeconds }
        let chunks = ((Double(tokens) / Double(chunkTokens)).rounded(.up))
        return max(transferSeconds - prefillSeconds * (chunks - 1) / chunks, transferSeconds / chunks)
    }
}
