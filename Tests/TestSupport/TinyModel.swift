/// A tiny random model as a GGUF file, for tests that need a whole model but no meaning.
///
/// Weights are seeded: equal options give equal files. The sizes are large enough for several blocks of 32 inputs,
/// grouped heads and more than one KV block, and small enough for a forward pass in microseconds.
public struct TinyModel: Sendable {
    /// The architecture.
    public var architecture: TinyModelArchitecture
    /// How the matrices are stored.
    public var format: TinyModelFormat
    /// Transformer layers.
    public var layers: Int
    /// Width of the hidden state.
    public var hidden: Int
    /// Query heads.
    public var heads: Int
    /// Key and value heads.
    public var kvHeads: Int
    /// Width of one head.
    public var headDim: Int
    /// Width of the feed-forward layer.
    public var feedForward: Int
    /// Longest context in tokens.
    public var contextLength: Int
    /// Whether the LM head is the token embedding.
    public var tiedHead: Bool
    /// Whether the file has a `rope_freqs` tensor, as Llama 3 files do.
    public var ropeFactors: Bool
    /// Seed of the weights.
    public var seed: UInt64

    /// Makes options.
    public init(
        architecture: TinyModelArchitecture = .llama, format: TinyModelFormat = .q4_0, layers: Int = 4,
        hidden: Int = 64, heads: Int = 4, kvHeads: Int = 2, headDim: Int? = nil, feedForward: Int = 96,
        contextLength: Int = 512, tiedHead: Bool = true, ropeFactors: Bool = false,
        seed: UInt64 = 1
    ) {
        self.architecture = architecture
        self.format = format
        self.layers = layers
        self.hidden = hidden
        self.heads = heads
        self.kvHeads = kvHeads
        self.headDim = headDim ?? hidden / heads
        self.feedForward = feedForward
        self.contextLength = contextLength
        self.tiedHead = tiedHead
        self.ropeFactors = ropeFactors
        self.seed = seed
    }

    /// The vocabulary of every tiny model.
    public static let vocabulary = TinyModelVocabulary()

    /// The chat template of every tiny model (ChatML).
    public static let chatTemplate = """
        {% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}\
        {% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
        """
}
