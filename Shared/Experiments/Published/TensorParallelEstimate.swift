public import CostModel
public import Domain

/// What a token costs where every layer is cut across all nodes, as distributed-llama does it. E2LLM itself cuts between layers.
///
/// One node, the root, talks to every other one. The forms of the exchange follow from the kilobytes that distributed-llama
/// publishes for Llama 2 7B and Llama 3 8B on two devices (its README, and pull requests 46 and 64); the other published
/// kilobytes check them.
public struct TensorParallelEstimate: Sendable, Hashable {
    /// How nodes exchange their parts.
    public enum Exchange: String, Codable, Sendable, Hashable, CaseIterable {
        /// Versions 0.1 to 0.3: the root gathers Q, K and V, the parts of the attention's output, those of the wide layer and
        /// those of its output, and sends what comes next. Attention runs on the root.
        case parts
        /// Version 0.7: two sums per layer over all nodes, of the attention's and of the feed-forward layer's output.
        case sums

        /// Times per layer at which the root sends and waits for answers.
        public var roundsPerLayer: Int { self == .parts ? 4 : 2 }
    }

    /// The model.
    public var model: ModelDescription
    /// Nodes, the root among them.
    public var nodes: Int
    /// How they exchange their parts.
    public var exchange: Exchange
    /// Bytes of an activation on the wire: 34/32 as Q80, 4 as f32.
    public var bytesPerActivation: Double

    /// Bytes of an activation in blocks of 32 with a scale.
    public static let q80 = 34.0 / 32

    /// Makes an estimate.
    public init(model: ModelDescription, nodes: Int, exchange: Exchange, bytesPerActivation: Double = q80) {
        self.model = model
        self.nodes = max(1, nodes)
        self.exchange = exchange
        self.bytesPerActivation = bytesPerActivation
    }

    /// Bytes that the root sends for a token.
    public var sentBytes: Double {
        let (hidden, ffn) = (Double(model.hidden), Double(model.ffn))
        let perWorker: Double =
            switch exchange {
            case .parts: 3 * hidden + ffn * (1 - 1 / Double(nodes))
            case .sums: 2 * hidden
            }
        return bytes(perWorker)
    }

    /// Bytes that the root receives for a token.
    public var receivedBytes: Double {
        let (hidden, ffn) = (Double(model.hidden), Double(model.ffn))
        let perWorker: Double =
            switch exchange {
            case .parts:
                (3 * hidden + 2 * Double(model.kvHeads * model.headDim) + ffn) / Double(nodes)
            case .sums: 2 * hidden
            }
        return bytes(perWorker)
    }

    private func bytes(_ activations: Double) -> Double {
        activations * bytesPerActivation * Double(model.layers) * Double(nodes - 1)
    }

    /// Times for a token at which the root sends and waits for answers; 0 on one node.
    public var rounds: Int { nodes > 1 ? exchange.roundsPerLayer * model.layers : 0 }

    /// Seconds of a token in which the root sends and waits: all bytes pass its port, and every round takes `link`'s latency.
    public func transferSeconds(link: LinkCost) -> Double {
        Double(rounds) * link.latencySeconds + (sentBytes + receivedBytes) / link.bytesPerSecond
    }

    /// What the root computes with: its part of every layer. The LM head is not cut.
    public var slice: ModelDescription {
        var slice = model
        slice.paramsPerLayer = model.paramsPerLayer / nodes
        slice.bytesPerLayer = model.bytesPerLayer / nodes
        return slice
    }
}
