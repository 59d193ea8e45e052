internal import Domain

/// A decoder of the Llama form as its makers describe it, in one form of weights.
struct PublishedModel: Sendable {
    /// Bytes of its weights.
    enum Weights: Sendable, Hashable {
        /// Bytes of a weight in layers, embedding and LM head.
        case each(layers: Double, embedding: Double, head: Double)
        /// The published size of a file whose layers are of mixed forms, and bytes of a weight in embedding and LM head.
        case file(bytes: Double, embedding: Double, head: Double)

        /// llama.cpp's Q4_0; the LM head is Q6_K.
        static let q4_0 = Weights.each(layers: 18.0 / 32, embedding: 18.0 / 32, head: 210.0 / 256)
        static let f16 = Weights.each(layers: 2, embedding: 2, head: 2)
        /// distributed-llama's Q40: as Q4_0, with the embedding in f32. The sizes of its files follow from that to 0.1 %.
        static let q40 = Weights.each(layers: 18.0 / 32, embedding: 4, head: 18.0 / 32)
        /// llama.cpp's Q4_K_M, whose layers mix Q4_K and Q6_K: the size of the file as llama-bench prints it.
        static func q4_K_M(gibibytes: Double) -> Weights {
            .file(bytes: gibibytes * 1_073_741_824, embedding: 144.0 / 256, head: 210.0 / 256)
        }
    }

    var name: String
    var layers: Int
    var hidden: Int
    var ffn: Int
    var heads: Int
    var kvHeads: Int
    var vocabulary: Int
    /// Whether the file holds one matrix for embedding and LM head.
    var isTied = false
    var weights: Weights

    /// The description that costs are made from. Decoding reads the layers and the LM head; of the embedding one row.
    var description: ModelDescription {
        let headDim = hidden / heads
        let kvWidth = kvHeads * headDim
        let perLayer = hidden * (2 * hidden + 2 * kvWidth + 3 * ffn)
        let matrix = Double(vocabulary * hidden)
        let (layer, embedding, head): (Double, Double, Double) =
            switch weights {
            case .each(let layers, let embedding, let head):
                (layers * Double(perLayer), isTied ? 0 : embedding * matrix, head * matrix)
            case .file(let bytes, let embedding, let head):
                (
                    (bytes - (isTied ? 0 : embedding * matrix) - head * matrix) / Double(layers),
                    isTied ? 0 : embedding * matrix, head * matrix
                )
            }
        return ModelDescription(
            name: name, layers: layers, hidden: hidden, ffn: ffn, heads: heads, kvHeads: kvHeads, headDim: headDim,
            vocabulary: vocabulary, maxContext: 4096, paramsPerLayer: perLayer, bytesPerLayer: Int(layer),
            bytesEmbedding: Int(embedding), bytesHead: Int(head),
            bytesTotal: Int(layer * Double(layers) + embedding + head), kvBytesPerTokenPerLayer: 2 * kvWidth * 2,
            activationBytesPerToken: 2 * hidden)
    }
}
