public import Domain

/// The models of the published figures, by their published configurations.
public enum PublishedModels {
    /// The description with a name.
    public static func named(_ name: String) -> ModelDescription? { all.first { $0.name == name }?.description }

    static let all: [PublishedModel] =
        tinyLlama + llama2 + llama3 + [
            // Yang et al., Qwen2.5 Technical Report, 2024; DeepSeek's distilled models have their shapes.
            PublishedModel(
                name: "qwen-2.5-1.5b-untied-q4_k_m", layers: 28, hidden: 1536, ffn: 8960, heads: 12, kvHeads: 2,
                vocabulary: 151_936, weights: .q4_K_M(gibibytes: 1.04)),
            PublishedModel(
                name: "qwen-2.5-7b-q4_k_m", layers: 28, hidden: 3584, ffn: 18944, heads: 28, kvHeads: 4,
                vocabulary: 152_064, weights: .q4_K_M(gibibytes: 4.36)),
            PublishedModel(
                name: "qwen-2.5-14b-q4_k_m", layers: 48, hidden: 5120, ffn: 13824, heads: 40, kvHeads: 8,
                vocabulary: 152_064, weights: .q4_K_M(gibibytes: 8.37)),
        ]

    // Zhang et al., TinyLlama, 2024.
    private static let tinyLlama = [
        PublishedModel(
            name: "tinyllama-1.1b-q40", layers: 22, hidden: 2048, ffn: 5632, heads: 32, kvHeads: 4, vocabulary: 32_000,
            weights: .q40),
        PublishedModel(
            name: "tinyllama-1.1b-f16", layers: 22, hidden: 2048, ffn: 5632, heads: 32, kvHeads: 4, vocabulary: 32_000,
            weights: .f16),
    ]

    // Touvron et al., LLaMA and Llama 2, 2023.
    private static let llama2: [PublishedModel] = [
        ("q40", PublishedModel.Weights.q40), ("q4_0", .q4_0), ("f16", .f16),
    ].flatMap { form, weights in
        [
            PublishedModel(
                name: "llama-2-7b-\(form)", layers: 32, hidden: 4096, ffn: 11008, heads: 32, kvHeads: 32,
                vocabulary: 32_000, weights: weights),
            PublishedModel(
                name: "llama-2-13b-\(form)", layers: 40, hidden: 5120, ffn: 13824, heads: 40, kvHeads: 40,
                vocabulary: 32_000, weights: weights),
            PublishedModel(
                name: "llama-1-30b-\(form)", layers: 60, hidden: 6656, ffn: 17920, heads: 52, kvHeads: 52,
                vocabulary: 32_000, weights: weights),
            PublishedModel(
                name: "llama-2-70b-\(form)", layers: 80, hidden: 8192, ffn: 28672, heads: 64, kvHeads: 8,
                vocabulary: 32_000, weights: weights),
        ]
    }

    // Grattafiori et al., The Llama 3 Herd of Models, 2024, and config.json of the 3.2 models. 3.1, 3.2 and 3.3 keep the shapes.
    private static let llama3: [PublishedModel] =
        [
            PublishedModel(
                name: "llama-3.2-3b-q4_k_m", layers: 28, hidden: 3072, ffn: 8192, heads: 24, kvHeads: 8,
                vocabulary: 128_256, isTied: true, weights: .q4_K_M(gibibytes: 1.87)),
            PublishedModel(
                name: "llama-3-70b-q4_k_m", layers: 80, hidden: 8192, ffn: 28672, heads: 64, kvHeads: 8,
                vocabulary: 128_256, weights: .q4_K_M(gibibytes: 39.59)),
        ]
        + [("q40", PublishedModel.Weights.q40), ("q4_k_m", .q4_K_M(gibibytes: 4.58)), ("f16", .f16)].map {
            PublishedModel(
                name: "llama-3-8b-\($0)", layers: 32, hidden: 4096, ffn: 14336, heads: 32, kvHeads: 8,
                vocabulary: 128_256, weights: $1)
        }
}
