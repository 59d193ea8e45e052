public import Domain

/// Descriptions of well-known models, for plans and simulations without a model file.
///
/// Sizes follow from the published shape of each model and the form of its weights as GGUF files have it: matrices of a
/// layer quantised, norms f32, K and V f16, hidden states with two bytes an element between stages.
public enum ModelCatalogue {
    /// The models in the order of their names.
    public static let models = [
        // Touvron et al., Llama 2: Open Foundation and Fine-Tuned Chat Models, 2023; config.json of the 13B model.
        Shape(
            name: "llama-2-13b-q4", layers: 40, hidden: 5120, ffn: 13824, heads: 40, kvHeads: 40, vocabulary: 32_000,
            maxContext: 4096),
        // The same, 7B.
        Shape(
            name: "llama-2-7b-q4", layers: 32, hidden: 4096, ffn: 11008, heads: 32, kvHeads: 32, vocabulary: 32_000,
            maxContext: 4096),
        // Grattafiori et al., The Llama 3 Herd of Models, 2024; config.json of Meta-Llama-3-8B.
        Shape(
            name: "llama-3-8b-q4", layers: 32, hidden: 4096, ffn: 14336, heads: 32, kvHeads: 8, vocabulary: 128_256,
            maxContext: 8192),
        // Allal et al., SmolLM2: When Smol Goes Big, 2025; config.json of SmolLM2-135M. The embedding is also the LM head; its
        // rows of 576 weights are no whole number of Q6_K blocks, so GGUF files keep it in Q8_0.
        Shape(
            name: "smollm2-135m", layers: 30, hidden: 576, ffn: 1536, heads: 9, kvHeads: 3, vocabulary: 49_152,
            maxContext: 8192, layerForm: .q4_1, embeddingForm: .q8_0, headForm: .q8_0, isTied: true),
    ].map(\.description)

    /// The model with a name.
    public static func named(_ name: String) -> ModelDescription? { models.first { $0.name == name } }
}

/// How many bytes a block of weights takes.
private struct WeightForm {
    let weights: Int
    let bytes: Int

    static let q4_0 = WeightForm(weights: 32, bytes: 18)
    static let q4_1 = WeightForm(weights: 32, bytes: 20)
    static let q8_0 = WeightForm(weights: 32, bytes: 34)
    static let q6_K = WeightForm(weights: 256, bytes: 210)

    func bytes(_ count: Int) -> Int { count / weights * bytes }
}

/// What is published about a decoder of the Llama form.
private struct Shape {
    let name: String
    let layers: Int
    let hidden: Int
    let ffn: Int
    let heads: Int
    let kvHeads: Int
    let vocabulary: Int
    let maxContext: Int
    var layerForm = WeightForm.q4_0
    var embeddingForm = WeightForm.q4_0
    var headForm = WeightForm.q6_K
    /// Whether the file holds one matrix for embedding and LM head.
    var isTied = false

    var description: ModelDescription {
        let headDim = hidden / heads
        let kvWidth = kvHeads * headDim
        // Query and output, key and value, and the three matrices of the feed-forward layer.
        let parameters = hidden * (2 * heads * headDim + 2 * kvWidth + 3 * ffn)
        let norm = 4 * hidden
        let layer = layerForm.bytes(parameters) + 2 * norm
        let embedding = embeddingForm.bytes(vocabulary * hidden)
        let head = headForm.bytes(vocabulary * hidden) + norm
        return ModelDescription(
            name: name, layers: layers, hidden: hidden, ffn: ffn, heads: heads, kvHeads: kvHeads, headDim: headDim,
            vocabulary: vocabulary, maxContext: maxContext, paramsPerLayer: parameters, bytesPerLayer: layer,
            bytesEmbedding: embedding, bytesHead: head,
            bytesTotal: layers * layer + (isTied ? 0 : embedding) + head,
            kvBytesPerTokenPerLayer: 2 * kvWidth * 2, activationBytesPerToken: 2 * hidden)
    }
}
