public import Domain

/// The prefill times of one prompt on one replica.
public struct PrefillEstimate: Sendable, Hashable {
    /// Seconds that every stage computes for the prompt.
    public var stageSeconds: [Double]
    /// Seconds that every hop to the next stage takes, one fewer than stages.
    public var hopSeconds: [Double]
    /// Seconds after which the next prompt may follow: the slowest stage or hop.
    public var cycleSeconds: Double
    /// Seconds from the first computation to the last, without waiting.
    public var latencySeconds: Double
}

extension FleetCost {
    /// Seconds that a stage computes for a prompt of `tokens` tokens, in chunks of `chunkTokens`; the LM head for one row
    /// is added on the last stage. `nil` for an unknown device.
    public func prefillSeconds(_ stage: PlanStage, tokens: Int, chunkTokens: Int? = nil) -> Double? {
        guard let cost = device(stage.device)?.cost else { return nil }
        let head = stage.layers.end == model.layers ? cost.headSeconds(rows: 1) : 0
        let count = Self.chunks(tokens, chunkTokens)
        guard count > 1, let chunkTokens else {
            return cost.prefillSeconds(layers: stage.layers.count, tokens: tokens) + head
        }
        // The mean chunk has half of the other tokens before it; the cost is linear in them.
        let earlier = (count - 1) * chunkTokens / 2
        let mean = (tokens + count - 1) / count
        return Double(count) * cost.prefillSeconds(layers: stage.layers.count, tokens: mean, earlier: earlier) + head
    }

    /// Seconds that the hidden states of `tokens` tokens take from one stage to the next.
    public func prefillHopSeconds(from: DeviceID, to: DeviceID, tokens: Int) -> Double {
        network.hopSeconds(from: from, to: to, bytes: Double(tokens) * Double(model.activationBytesPerToken))
    }

    /// The prefill times of a prompt of `tokens` tokens on a pipeline; `nil` where a device is unknown or cannot prefill.
    ///
    /// With `chunkTokens` the stages work on different chunks of the prompt at once.
    public func prefillEstimate(_ stages: [PlanStage], tokens: Int, chunkTokens: Int? = nil) -> PrefillEstimate? {
        guard !stages.isEmpty else { return nil }
        var compute: [Double] = []
        for stage in stages {
            guard let seconds = prefillSeconds(stage, tokens: tokens, chunkTokens: chunkTokens), seconds.isFinite
            else { return nil }
            compute.append(seconds)
        }
        let chunks = Double(Self.chunks(tokens, chunkTokens))
        let mean = Int((Double(tokens) / chunks).rounded(.up))
        let hops = zip(stages, stages.dropFirst()).map { from, to in
            chunks * prefillHopSeconds(from: from.device, to: to.device, tokens: mean)
        }
        let cycle = max(compute.max() ?? 0, hops.max() ?? 0)
        let once = (compute.reduce(0, +) + hops.reduce(0, +)) / chunks
        return PrefillEstimate(
            stageSeconds: compute, hopSeconds: hops, cycleSeconds: cycle,
            latencySeconds: once + cycle * (chunks - 1) / chunks)
    }

    private static func chunks(_ tokens: Int, _ chunkTokens: Int?) -> Int {
        guard let chunkTokens, chunkTokens > 0, tokens > chunkTokens else { return 1 }
        return (tokens + chunkTokens - 1) / chunkTokens
    }
}
