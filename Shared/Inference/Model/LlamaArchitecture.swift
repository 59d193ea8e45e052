/// RMSNorm, RoPE on adjacent pairs (with the factors of Llama 3 where the file has them), grouped-query attention, SwiGLU.
enum LlamaArchitecture {
    static let layerTensors = ArchitectureTensors.decoder.union([
        "attn_q.bias", "attn_k.bias", "attn_v.bias", "attn_rot_embd.weight",
    ])

    static func configuration(
        _ decoder: DecoderFields, embeddingRows: Int, tiedHead: Bool
    ) throws -> ModelConfiguration {
        try decoder.configuration(embeddingRows: embeddingRows, tiedHead: tiedHead, pairing: .adjacent)
    }
}
