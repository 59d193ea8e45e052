internal import CostModel
internal import Domain

/// The KV cache of one request on its way from the stages of a prefill replica to those of a decoder.
struct KVTransfer {
    /// The layers that a source and a target stage have in common.
    struct Part {
        var source: Int
        var target: Int
        /// A mean over the prompt: layers with a sliding window send its last tokens only.
        var bytesPerToken: Double
        /// `nil` where both are on one device, so that nothing travels.
        var flow: TransferNetwork.FlowID?
        var latency: Double
    }

    private(set) var parts: [Part] = []
    /// Parts that each target stage still waits for.
    private(set) var missing: [Int]

    init(
        from prefill: [PlanStage], to decode: [PlanStage], tokens: Int, cost: FleetCost,
        _ network: inout TransferNetwork
    ) {
        missing = [Int](repeating: 0, count: decode.count)
        for overlap in LayerOverlap.between(prefill, decode) {
            let (sender, receiver) = (prefill[overlap.source].device, decode[overlap.target].device)
            missing[overlap.target] += 1
            parts.append(
                Part(
                    source: overlap.source, target: overlap.target,
                    bytesPerToken: Double(cost.model.handedOverBytes(overlap.layers, tokens: tokens))
                        / Double(max(1, tokens)),
                    flow: sender == receiver ? nil : network.open(from: sender, to: receiver),
                    latency: cost.network.link(from: sender, to: receiver).latencySeconds))
        }
    }

    /// Whether anything crosses the network.
    var travels: Bool { parts.contains { $0.flow != nil } }

    /// A part has arrived; returns whether its target stage has everything.
    mutating func arrived(_ target: Int) -> Bool {
        missing[target] -= 1
        return missing[target] == 0
    }
}
