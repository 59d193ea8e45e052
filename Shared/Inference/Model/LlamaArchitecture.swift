/// RMSNorm, RoPE on adjacent pairs, grouped-query attention, SwiGLU.
enum LlamaArchitecture {
    static let layerTensors: Set<String> = [
        "attn_norm.weight", "attn_q.weight", "attn_k.weight", "attn_v.weight", "attn_output.weight", "ffn_norm.weight",
        "ffn_gate.weight", "ffn_up.weight", "ffn_down.weight", "attn_q.bias", "attn_k.bias", "attn_v.bias",
        "attn_rot_embd.weight",
    ]

    static func configuration(
        _ fields: HeaderFields, embeddingRows: Int, tiedHead: Bool
    ) throws -> ModelConfiguration {
        let architecture = ModelArchitecture.llama
        let prefix = architecture.rawValue + "."
        let hidden = try fields.integer(prefix + "embedding_length", in: ModelLimits.width)
        let heads = try fields.integer(prefix + "attention.head_count", in: ModelLimits.heads)
        let kvHeads = try fields.integer(prefix + "attention.head_count_kv", in: ModelLimits.heads, default: heads)
        guard heads % kvHeads == 0 else {
            throw fields.wrong(prefix + "attention.head_count_kv", "\(kvHeads) does not divide \(heads) query heads")
        }
        let headDim = try headWidth(fields, prefix: prefix, hidden: hidden, heads: heads)
        _ = try fields.integer(prefix + "expert_count", in: ModelLimits.experts, default: 0)
        let epsilonKey = prefix + "attention.layer_norm_rms_epsilon"
        let epsilon = try fields.number(epsilonKey)
        guard epsilon > 0, epsilon < 1 else { throw fields.wrong(epsilonKey, "\(epsilon) is not between 0 and 1") }
        let vocabulary = try fields.integer(prefix + "vocab_size", in: ModelLimits.vocabulary, default: embeddingRows)
        guard vocabulary == embeddingRows else {
            throw fields.wrong(
                prefix + "vocab_size", "\(vocabulary) differs from the \(embeddingRows) rows of token_embd.weight")
        }
        return ModelConfiguration(
            architecture: architecture,
            name: try fields.string("general.name", default: architecture.rawValue),
            layers: try fields.integer(prefix + "block_count", in: ModelLimits.layers),
            hidden: hidden,
            feedForward: try fields.integer(prefix + "feed_forward_length", in: ModelLimits.width),
            heads: heads,
            kvHeads: kvHeads,
            headDim: headDim,
            vocabulary: vocabulary,
            contextLength: try fields.integer(prefix + "context_length", in: ModelLimits.context),
            normEpsilon: Float(epsilon),
            rope: try RopeFields.read(fields, prefix: prefix, headDim: headDim, pairing: .adjacent),
            tiedHead: tiedHead)
    }

    private static func headWidth(_ fields: HeaderFields, prefix: String, hidden: Int, heads: Int) throws -> Int {
        let key = prefix + "attention.key_length"
        let usual = hidden % heads == 0 ? hidden / heads : nil
        let width = try fields.optionalInteger(key, in: ModelLimits.headDim) ?? usual
        guard let width, width > 0 else {
            throw fields.wrong(
                prefix + "attention.head_count", "\(heads) heads do not divide an embedding_length of \(hidden)")
        }
        let valueKey = prefix + "attention.value_length"
        let valueWidth = try fields.integer(valueKey, in: ModelLimits.headDim, default: width)
        guard valueWidth == width else {
            throw fields.wrong(valueKey, "\(valueWidth) differs from the key width of \(width), which is not supported")
        }
        return width
    }
}
