/// Reads the header keys that all decoder architectures share, under the prefix of the architecture's name.
struct DecoderFields {
    let fields: HeaderFields
    let architecture: ModelArchitecture

    private var prefix: String { architecture.rawValue + "." }

    /// The full name of a key of this architecture.
    func key(_ name: String) -> String { prefix + name }

    /// The sizes, with the usual choices for what only some architectures have.
    func configuration(embeddingRows: Int, tiedHead: Bool, pairing: RopePairing) throws -> ModelConfiguration {
        let hidden = try fields.integer(key("embedding_length"), in: ModelLimits.width)
        let heads = try fields.integer(key("attention.head_count"), in: ModelLimits.heads)
        let kvHeads = try fields.integer(key("attention.head_count_kv"), in: ModelLimits.heads, default: heads)
        guard heads % kvHeads == 0 else {
            throw fields.wrong(key("attention.head_count_kv"), "\(kvHeads) does not divide \(heads) query heads")
        }
        let headDim = try headWidth(hidden: hidden, heads: heads)
        let epsilon = try fields.number(key("attention.layer_norm_rms_epsilon"))
        guard epsilon > 0, epsilon < 1 else {
            throw fields.wrong(key("attention.layer_norm_rms_epsilon"), "\(epsilon) is not between 0 and 1")
        }
        let vocabulary = try fields.integer(key("vocab_size"), in: ModelLimits.vocabulary, default: embeddingRows)
        guard vocabulary == embeddingRows else {
            throw fields.wrong(
                key("vocab_size"), "\(vocabulary) differs from the \(embeddingRows) rows of token_embd.weight")
        }
        return ModelConfiguration(
            architecture: architecture,
            name: try fields.string("general.name", default: architecture.rawValue),
            layers: try fields.integer(key("block_count"), in: ModelLimits.layers),
            hidden: hidden,
            feedForward: try fields.integer(key("feed_forward_length"), in: ModelLimits.width),
            heads: heads,
            kvHeads: kvHeads,
            headDim: headDim,
            vocabulary: vocabulary,
            contextLength: try fields.integer(key("context_length"), in: ModelLimits.context),
            normEpsilon: Float(epsilon),
            rope: try RopeFields.read(fields, prefix: prefix, headDim: headDim, pairing: pairing),
            tiedHead: tiedHead)
    }

    private func headWidth(hidden: Int, heads: Int) throws -> Int {
        let usual = hidden % heads == 0 ? hidden / heads : nil
        let width = try fields.optionalInteger(key("attention.key_length"), in: ModelLimits.headDim) ?? usual
        guard let width, width > 0 else {
            throw fields.wrong(
                key("attention.head_count"), "\(heads) heads do not divide an embedding_length of \(hidden)")
        }
        let valueKey = key("attention.value_length")
        let valueWidth = try fields.integer(valueKey, in: ModelLimits.headDim, default: width)
        guard valueWidth == width else {
            throw fields.wrong(valueKey, "\(valueWidth) differs from the key width of \(width), which is not supported")
        }
        return width
    }
}
