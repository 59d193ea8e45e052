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

    /// Width of all query heads together.
    public var queryWidth: Int { heads * headDim }
    /// Width of all key (or value) heads together.
    public var kvWidth: Int { kvHeads * headDim }
}
