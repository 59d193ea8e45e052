public import Domain

/// The decode times of one replica at one concurrency.
public struct DecodeEstimate: Sendable, Hashable {
    /// Sequences that decode together, over all micro-batches.
    public var concurrency: Int
    /// Micro-batches that travel the pipeline at once.
    public var microBatches: Int
    /// Seconds that every stage computes for one micro-batch.
    public var stageSeconds: [Double]
    /// Seconds of every hop for one micro-batch; the last is the way of the tokens back to the first stage, which takes the
    /// handover alone where that is the last stage, too.
    public var hopSeconds: [Double]
    /// The slowest stage or hop.
    public var cycleSeconds: Double
    /// Seconds of one micro-batch through the pipeline and back.
    public var latencySeconds: Double
    /// Seconds between two tokens of a sequence: `max(microBatches * cycle, latency)`.
    public var tokenGapSeconds: Double

    /// Requests per second that the replica sustains when each asks for `outputTokens` tokens.
    public func requestsPerSecond(outputTokens: Double) -> Double {
        Double(concurrency) / (max(1, outputTokens) * tokenGapSeconds)
    }
}

extension FleetCost {
    /// Seconds that a stage computes for a decode step; the LM head for the whole batch is added on the last stage. `nil`
    /// for an unknown device.
    public func decodeSeconds(_ stage: PlanStage, batch: Int, contextSum: Int) -> Double? {
        guard let cost = device(stage.device)?.cost else { return nil }
        let head = stage.layers.end == model.layers ? cost.headSeconds(rows: batch) : 0
        return cost.decodeSeconds(layers: stage.layers.count, batch: batch, contextSum: contextSum) + head
    }

    /// Seconds that the hidden states of `batch` sequences take from one stage to the next.
    public func decodeHopSeconds(from: DeviceID, to: DeviceID, batch: Int) -> Double {
        prefillHopSeconds(from: from, to: to, tokens: batch)
    }

    /// Seconds that new tokens take from the last stage to the first: a few bytes, so latency alone.
    public func returnHopSeconds(from: DeviceID, to: DeviceID) -> Double {
        network.hopSeconds(from: from, to: to, bytes: 0)
    }

    /// The decode times of `concurrency` sequences of `contextTokens` tokens each on a pipeline, with `microBatches`
    /// micro-batches or (by default) the number of them, up to the number of stages, that gives the smallest token gap.
    /// `nil` where a device is unknown or cannot decode.
    public func decodeEstimate(
        _ stages: [PlanStage], concurrency: Int, contextTokens: Int, microBatches: Int? = nil
    ) -> DecodeEstimate? {
        guard !stages.isEmpty, concurrency > 0 else { return nil }
        let most = min(stages.count, concurrency)
        let candidates = microBatches.map { max(1, $0)...max(1, $0) } ?? 1...most
        var best: DecodeEstimate?
        for count in candidates {
            let batch = (concurrency + count - 1) / count
            guard
                let estimate = decodeEstimate(
                    stages, concurrency: concurrency, batch: batch, contextTokens: contextTokens, microBatches: count)
            else { return nil }
            if let best, best.tokenGapSeconds <= estimate.tokenGapSeconds { continue }
            best = estimate
        }
        return best
    }

    private func decodeEstimate(
        _ stages: [PlanStage], concurrency: Int, batch: Int, contextTokens: Int, microBatches: Int
    ) -> DecodeEstimate? {
        let contexts = Double(batch) * Double(max(0, contextTokens))
        let contextSum = Int(min(contexts, Double(1 << 40)))
        var compute: [Double] = []
        for stage in stages {
            guard let seconds = decodeSeconds(stage, batch: batch, contextSum: contextSum), seconds.isFinite
            else { return nil }
            compute.append(seconds)
        }
        var hops = zip(stages, stages.dropFirst()).map { from, to in
            decodeHopSeconds(from: from.device, to: to.device, batch: batch)
        }
        if let first = stages.first, let last = stages.last {
            hops.append(returnHopSeconds(from: last.device, to: first.device))
        }
        let cycle = max(compute.max() ?? 0, hops.max() ?? 0)
        let latency = compute.reduce(0, +) + hops.reduce(0, +)
        return DecodeEstimate(
            concurrency: concurrency, microBatches: microBatches, stageSeconds: compute, hopSeconds: hops,
            cycleSeconds: cycle, latencySeconds: latency,
            tokenGapSeconds: max(Double(microBatches) * cycle, latency))
    }
}
