internal import Kernels

/// The tensors of one layer in the model file, found and checked before any memory is taken.
struct LayerSource {
    private let attentionNorm: [Float]
    private let query: SourceMatrix
    private let key: SourceMatrix
    private let value: SourceMatrix
    private let output: SourceMatrix
    private let queryBias: [Float]?
    private let keyBias: [Float]?
    private let valueBias: [Float]?
    private let queryNorm: [Float]?
    private let keyNorm: [Float]?
    private let attentionPostNorm: [Float]?
    private let feedForwardPostNorm: [Float]?
    private let window: Int?
    private let feedForwardNorm: [Float]
    private let gate: SourceMatrix
    private let up: SourceMatrix
    private let down: SourceMatrix

    init(tensors: TensorLookup, configuration sizes: ModelConfiguration, layer: Int) throws {
        let prefix = "blk.\(layer)."
        attentionNorm = try tensors.vector(prefix + "attn_norm.weight", sizes.hidden)
        query = try tensors.matrix(prefix + "attn_q.weight", rows: sizes.queryWidth, columns: sizes.hidden)
        key = try tensors.matrix(prefix + "attn_k.weight", rows: sizes.kvWidth, columns: sizes.hidden)
        value = try tensors.matrix(prefix + "attn_v.weight", rows: sizes.kvWidth, columns: sizes.hidden)
        output = try tensors.matrix(prefix + "attn_output.weight", rows: sizes.hidden, columns: sizes.queryWidth)
        func vector(_ name: String, _ count: Int, where present: Bool) throws -> [Float]? {
            present ? try tensors.vector(prefix + name, count) : nil
        }
        func bias(_ name: String, _ count: Int) throws -> [Float]? {
            switch sizes.attentionBias {
            case .absent: nil
            case .optional: try tensors.optionalVector(prefix + name, count)
            case .required: try tensors.vector(prefix + name, count)
            }
        }
        queryBias = try bias("attn_q.bias", sizes.queryWidth)
        keyBias = try bias("attn_k.bias", sizes.kvWidth)
        valueBias = try bias("attn_v.bias", sizes.kvWidth)
        queryNorm = try vector("attn_q_norm.weight", sizes.headDim, where: sizes.headNorms)
        keyNorm = try vector("attn_k_norm.weight", sizes.headDim, where: sizes.headNorms)
        attentionPostNorm = try vector("post_attention_norm.weight", sizes.hidden, where: sizes.postNorms)
        feedForwardPostNorm = try vector("post_ffw_norm.weight", sizes.hidden, where: sizes.postNorms)
        window = sizes.window(of: layer)
        feedForwardNorm = try tensors.vector(prefix + "ffn_norm.weight", sizes.hidden)
        gate = try tensors.matrix(prefix + "ffn_gate.weight", rows: sizes.feedForward, columns: sizes.hidden)
        up = try tensors.matrix(prefix + "ffn_up.weight", rows: sizes.feedForward, columns: sizes.hidden)
        down = try tensors.matrix(prefix + "ffn_down.weight", rows: sizes.hidden, columns: sizes.feedForward)
    }

    private var matrices: [SourceMatrix] { [query, key, value, output, gate, up, down] }
    private var vectors: [[Float]] {
        [attentionNorm, feedForwardNorm]
            + [
                queryBias, keyBias, valueBias, queryNorm, keyNorm, attentionPostNorm, feedForwardPostNorm,
            ].compactMap { $0 }
    }

    /// Matrix weights of the layer.
    var parameters: Int { matrices.reduce(0) { $0 + $1.rows * $1.columns } }

    /// Bytes that the layer takes once loaded.
    var arenaBytes: Int {
        matrices.reduce(0) { $0 + WeightArena.padded($1.packedBytes) }
            + vectors.reduce(0) { $0 + WeightArena.padded($1.count * 4) }
    }

    /// Packs the layer; offsets into KV blocks are left to the stage.
    func load(_ loader: WeightLoader) throws -> e2_layer {
        var layer = unsafe e2_layer()
        unsafe layer.attention_norm = unsafe loader.copy(attentionNorm)
        unsafe layer.query = unsafe try loader.pack(query)
        unsafe layer.key = unsafe try loader.pack(key)
        unsafe layer.value = unsafe try loader.pack(value)
        unsafe layer.output = unsafe try loader.pack(output)
        unsafe layer.query_bias = unsafe queryBias.map(loader.copy)
        unsafe layer.key_bias = unsafe keyBias.map(loader.copy)
        unsafe layer.value_bias = unsafe valueBias.map(loader.copy)
        unsafe layer.query_norm = unsafe queryNorm.map(loader.copy)
        unsafe layer.key_norm = unsafe keyNorm.map(loader.copy)
        unsafe layer.attention_post_norm = unsafe attentionPostNorm.map(loader.copy)
        unsafe layer.ffn_norm = unsafe loader.copy(feedForwardNorm)
        unsafe layer.ffn_post_norm = unsafe feedForwardPostNorm.map(loader.copy)
        unsafe layer.window = Int32(window ?? 0)
        unsafe layer.local_rope = window != nil
        unsafe layer.gate = unsafe try loader.pack(gate)
        unsafe layer.up = unsafe try loader.pack(up)
        unsafe layer.down = unsafe try loader.pack(down)
        return unsafe layer
    }
}
