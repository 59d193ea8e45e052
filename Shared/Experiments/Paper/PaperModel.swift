internal import Domain

/// GPT-OSS-20B as planner and simulator see it.
///
/// Shape: config.json of openai/gpt-oss-20b (https://huggingface.co/openai/gpt-oss-20b) and the model card (OpenAI,
/// gpt-oss-120b & gpt-oss-20b Model Card, 2025): 24 blocks, 32 experts of which 4 are active, attention over 128 tokens in
/// every other block. Weights as in the GGUF file of ggml-org: experts MXFP4, attention, embedding and LM head Q8_0, the rest
/// f32; with 12.10 GB in total that is the 11.27 GiB that llama.cpp reports for it.
enum PaperModel {
    static let layers = 24
    static let hidden = 2880
    static let experts = 32
    static let activeExperts = 4
    static let slidingWindow = 128

    private static let heads = 64
    private static let kvHeads = 8
    private static let headDim = 64
    private static let vocabulary = 201_088

    /// Query, key, value and output matrices.
    private static let attentionWeights = hidden * headDim * (2 * heads + 2 * kvHeads)
    private static let routerWeights = hidden * experts
    /// The gate, up and down matrices of one expert.
    private static let expertWeights = 3 * hidden * hidden

    /// Bytes of one expert: 17 for 32 weights, and three f32 biases.
    static let expertBytes = expertWeights / 32 * 17 + 4 * 3 * hidden
    /// Bytes of a block that every step reads: attention in Q8_0 (34 for 32 weights), router, norms and biases in f32.
    static let sharedBytes =
        attentionWeights / 32 * 34 + 4 * (routerWeights + 2 * hidden)
        + 4 * (heads * headDim + 2 * kvHeads * headDim + hidden + heads)
    /// Weights of a block that one token is multiplied with.
    static let activeWeights = attentionWeights + routerWeights + activeExperts * expertWeights
    /// Weights of the LM head, and as many of the embedding.
    static let headWeights = vocabulary * hidden
    /// Bytes of the LM head, and of the embedding.
    static let headBytes = headWeights / 32 * 34
    /// Multiply-adds of scores and values per token and context token in one block.
    static let attentionWidth = heads * headDim
    /// Bytes of f16 keys and values of one token in a block that attends to everything.
    static let fullKVBytes = 2 * kvHeads * headDim * 2

    /// Bytes of a block's weights that a step of so many tokens reads in the mean: each token takes 4 of 32 experts, taken to
    /// be independent and equally likely, so that `32 * (1 - (28/32)^rows)` different ones are read.
    static func readBytes(rows: Int) -> Double {
        var missed = 1.0
        // After 1,000 tokens none is missed.
        for _ in 0..<min(rows, 1000) { missed *= 1 - Double(activeExperts) / Double(experts) }
        return Double(sharedBytes) + Double(experts) * (1 - missed) * Double(expertBytes)
    }

    /// Tokens of context that a block attends to in the mean: half of the blocks see the last 128 only.
    static func attended(_ context: Double) -> Double { (context + min(context, Double(slidingWindow))) / 2 }

    /// The description for a workload. The cost model has one figure for the KV of a token in a block; with sliding windows it
    /// depends on the context, so it is taken at the length of a mean prompt, which is what travels.
    static func description(promptTokens: Double) -> ModelDescription {
        let share = attended(promptTokens) / promptTokens
        let layerBytes = sharedBytes + experts * expertBytes
        return ModelDescription(
            name: "gpt-oss-20b-mxfp4", architecture: "gpt-oss", layers: layers, hidden: hidden, ffn: hidden,
            heads: heads, kvHeads: kvHeads, headDim: headDim, vocabulary: vocabulary, maxContext: 131_072,
            paramsPerLayer: activeWeights, bytesPerLayer: layerBytes, bytesEmbedding: headBytes, bytesHead: headBytes,
            bytesTotal: layers * layerBytes + 2 * headBytes,
            kvBytesPerTokenPerLayer: Int((Double(fullKVBytes) * share).rounded()),
            activationBytesPerToken: 2 * hidden)
    }
}
