/// What planning needs to know about a model; made from a GGUF header or read from a model file.
///
/// Sizes in bytes, parameters of one layer count matrix weights only.
public struct ModelDescription: Codable, Sendable, Hashable {
    /// A name for people.
    public var name: String
    /// The identity of the file, empty for a description that has no file.
    public var digest: ModelDigest
    /// The architecture name of the file (`llama`, ...).
    public var architecture: String
    /// Transformer layers.
    public var layers: Int
    /// Width of the hidden state.
    public var hidden: Int
    /// Width of the feed-forward layer.
    public var ffn: Int
    /// Query heads.
    public var heads: Int
    /// Key and value heads.
    public var kvHeads: Int
    /// Width of one head.
    public var headDim: Int
    /// Entries of the vocabulary.
    public var vocabulary: Int
    /// Longest context that the model was trained for, in tokens.
    public var maxContext: Int
    /// Matrix weights of one layer.
    public var paramsPerLayer: Int
    /// Bytes of one layer in memory.
    public var bytesPerLayer: Int
    /// Bytes that the first stage adds for the token embedding.
    public var bytesEmbedding: Int
    /// Bytes that the last stage adds for the LM head.
    public var bytesHead: Int
    /// Bytes of the whole file.
    public var bytesTotal: Int
    /// Bytes of K and V of one token in one layer (f16).
    public var kvBytesPerTokenPerLayer: Int
    /// Bytes of the hidden state of one token as it travels between stages.
    public var activationBytesPerToken: Int
    /// Positions that layers with a sliding window see; absent where all layers see the whole context.
    public var slidingWindow: Int?
    /// Every so-many-th layer sees the whole context although others have a sliding window.
    public var slidingPeriod: Int?

    /// Makes a description.
    public init(
        name: String, digest: ModelDigest = "", architecture: String = "llama", layers: Int, hidden: Int, ffn: Int,
        heads: Int, kvHeads: Int, headDim: Int, vocabulary: Int, maxContext: Int, paramsPerLayer: Int,
        bytesPerLayer: Int, bytesEmbedding: Int, bytesHead: Int, bytesTotal: Int, kvBytesPerTokenPerLayer: Int,
        activationBytesPerToken: Int, slidingWindow: Int? = nil, slidingPeriod: Int? = nil
    ) {
        self.name = name
        self.digest = digest
        self.architecture = architecture
        self.layers = layers
        self.hidden = hidden
        self.ffn = ffn
        self.heads = heads
        self.kvHeads = kvHeads
        self.headDim = headDim
        self.vocabulary = vocabulary
        self.maxContext = maxContext
        self.paramsPerLayer = paramsPerLayer
        self.bytesPerLayer = bytesPerLayer
        self.bytesEmbedding = bytesEmbedding
        self.bytesHead = bytesHead
        self.bytesTotal = bytesTotal
        self.kvBytesPerTokenPerLayer = kvBytesPerTokenPerLayer
        self.activationBytesPerToken = activationBytesPerToken
        self.slidingWindow = slidingWindow
        self.slidingPeriod = slidingPeriod
    }

    /// The layers of the whole model.
    public var allLayers: LayerRange { LayerRange(0, layers) }

    /// Bytes of weights that a stage with these layers holds.
    public func weightBytes(_ range: LayerRange) -> Int {
        range.count * bytesPerLayer + (range.start == 0 ? bytesEmbedding : 0) + (range.end == layers ? bytesHead : 0)
    }

    /// Bytes of weights that stages with these layers hold together in one process, where they share layers.
    public func weightBytes(together ranges: [LayerRange]) -> Int {
        var bytes = 0
        var covered = 0
        for range in ranges.sorted(by: { $0.start < $1.start }) {
            bytes += max(0, range.end - max(range.start, covered)) * bytesPerLayer
            covered = max(covered, range.end)
        }
        if ranges.contains(where: { $0.start == 0 }) { bytes += bytesEmbedding }
        if ranges.contains(where: { $0.end == layers }) { bytes += bytesHead }
        return bytes
    }

    /// Bytes of KV cache that a stage with these layers needs for `tokens` tokens.
    public func kvBytes(_ range: LayerRange, tokens: Int) -> Int { range.count * kvBytesPerTokenPerLayer * tokens }

    /// The same model with keys and values stored as `type`; of a description with those of f16.
    public func keeping(_ type: KVType) -> ModelDescription {
        var model = self
        // Rounded up, for descriptions whose heads do not divide: their KV cache must fit, too.
        model.kvBytesPerTokenPerLayer = Int((Double(kvBytesPerTokenPerLayer) * type.bytesShare).rounded(.up))
        return model
    }

    /// Whether keys and values can be stored as `type`.
    public func allows(_ type: KVType) -> Bool { headDim % type.components == 0 }

    /// The first position that a layer needs of the KV cache of `tokens` positions to go on: what lies before its
    /// window is not handed over.
    public func firstHandedOver(layer: Int, tokens: Int) -> Int {
        guard let window = slidingWindow, window > 0, let period = slidingPeriod, period > 0, (layer + 1) % period != 0
        else { return 0 }
        return max(0, tokens - window)
    }

    /// The layers that hand over some of the positions before `end` of a sequence of `tokens` tokens, as ranges.
    public func handedOver(_ range: LayerRange, before end: Int, of tokens: Int) -> [LayerRange] {
        var runs: [LayerRange] = []
        for layer in range.range where firstHandedOver(layer: layer, tokens: tokens) < end {
            if let last = runs.last, last.end == layer {
                runs[runs.count - 1] = LayerRange(last.start, layer + 1)
            } else {
                runs.append(LayerRange(layer, layer + 1))
            }
        }
        return runs
    }

    /// Bytes of KV cache that stages hand over for a sequence of `tokens` tokens in these layers.
    public func handedOverBytes(_ range: LayerRange, tokens: Int) -> Int {
        guard slidingWindow != nil else { return kvBytes(range, tokens: tokens) }
        return range.range.reduce(0) {
            $0 + (tokens - firstHandedOver(layer: $1, tokens: tokens)) * kvBytesPerTokenPerLayer
        }
    }

    private enum CodingKeys: String, CodingKey {
        case name, digest, architecture, layers, hidden, ffn
        case heads = "n_heads"
        case kvHeads = "n_kv_heads"
        case headDim = "head_dim"
        case vocabulary = "vocab"
        case maxContext = "max_context"
        case paramsPerLayer = "params_per_layer"
        case bytesPerLayer = "bytes_per_layer"
        case bytesEmbedding = "bytes_embedding"
        case bytesHead = "bytes_lm_head"
        case bytesTotal = "bytes_total"
        case kvBytesPerTokenPerLayer = "kv_bytes_per_token_per_layer"
        case activationBytesPerToken = "activation_bytes_per_token"
        case slidingWindow = "sliding_window"
        case slidingPeriod = "sliding_window_pattern"
    }
}
