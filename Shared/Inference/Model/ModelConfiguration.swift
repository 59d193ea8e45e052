public import Domain

/// Which pairs of a head's components RoPE turns together.
public enum RopePairing: Sendable, Hashable {
    /// Components `2i` and `2i + 1`: the order of llama files.
    case adjacent
    /// Components `i` and `i + dimensions / 2` (NeoX): the order of most other architectures.
    case halves
}

/// Rotary position embedding of a model.
public struct RopeParameters: Sendable, Hashable {
    /// Which components are turned together.
    public var pairing: RopePairing
    /// Leading components of each head that are turned; even, at most the width of a head.
    public var dimensions: Int
    /// Base of the frequencies.
    public var base: Double
    /// Positions are multiplied by this (1 unless the file scales linearly).
    public var positionScale: Double

    /// Makes parameters.
    public init(pairing: RopePairing, dimensions: Int, base: Double, positionScale: Double = 1) {
        self.pairing = pairing
        self.dimensions = dimensions
        self.base = base
        self.positionScale = positionScale
    }
}

/// Layers that see only the last positions of the context.
public struct SlidingWindow: Sendable, Hashable {
    /// Positions that a token sees, its own included.
    public var positions: Int
    /// Every `period`-th layer sees the whole context.
    public var period: Int
    /// RoPE base of the layers with a window; their positions are not scaled.
    public var ropeBase: Double

    /// Makes a window.
    public init(positions: Int, period: Int, ropeBase: Double) {
        self.positions = positions
        self.period = period
        self.ropeBase = ropeBase
    }

    /// Whether a layer of the model has the window.
    public func applies(to layer: Int) -> Bool { layer % period < period - 1 }
}

/// The function of the gate in the feed-forward layer.
public enum Activation: Sendable, Hashable {
    /// `x / (1 + exp(-x))`.
    case silu
    /// GELU in its tanh form.
    case gelu
}

/// Whether query, key and value have biases.
public enum AttentionBias: Sendable, Hashable {
    /// Never.
    case absent
    /// Where the file has them.
    case optional
    /// Always.
    case required
}

/// The numbers of a model that its forward pass needs, read from a GGUF header and checked.
public struct ModelConfiguration: Sendable, Hashable {
    /// The architecture.
    public var architecture: ModelArchitecture
    /// A name for people.
    public var name: String
    /// Transformer layers.
    public var layers: Int
    /// Width of the hidden state.
    public var hidden: Int
    /// Width of the feed-forward layer.
    public var feedForward: Int
    /// Query heads.
    public var heads: Int
    /// Key and value heads; divides `heads`.
    public var kvHeads: Int
    /// Width of one head.
    public var headDim: Int
    /// Entries of the vocabulary: rows of the embedding.
    public var vocabulary: Int
    /// Longest context that the model was trained for, in tokens.
    public var contextLength: Int
    /// Added to the mean square in RMSNorm.
    public var normEpsilon: Float
    /// Rotary position embedding.
    public var rope: RopeParameters
    /// Whether the LM head is the token embedding.
    public var tiedHead: Bool
    /// Biases of query, key and value.
    public var attentionBias = AttentionBias.optional
    /// Whether every query and key head has an RMSNorm before RoPE.
    public var headNorms = false
    /// Whether what attention and feed-forward layer add has an RMSNorm.
    public var postNorms = false
    /// The function of the gate.
    public var activation = Activation.silu
    /// Embeddings are multiplied by this.
    public var embeddingScale: Float = 1
    /// Multiplies the products of queries and keys; `nil`: one over the square root of the width of a head.
    public var attentionScale: Float?
    /// Layers with a sliding window; `nil` where all layers see the whole context.
    public var slidingWindow: SlidingWindow?
    /// How keys and values are kept: a choice of whoever opens the model, not of the file.
    public var kvType = KVType.f16

    /// Width of all query heads together.
    public var queryWidth: Int { heads * headDim }
    /// Width of all key (or value) heads together.
    public var kvWidth: Int { kvHeads * headDim }
    /// The same with keys and values kept as `type`.
    public func keeping(_ type: KVType) -> ModelConfiguration {
        var configuration = self
        configuration.kvType = type
        return configuration
    }

    /// Positions that a layer sees; `nil` where it sees the whole context.
    func window(of layer: Int) -> Int? { slidingWindow.flatMap { $0.applies(to: layer) ? $0.positions : nil } }

    /// What a KV cache needs to know.
    public var kvShape: KVShape { KVShape(kvHeads: kvHeads, headDim: headDim, type: kvType) }
}
