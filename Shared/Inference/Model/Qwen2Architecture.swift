/// As llama, with RoPE on halves and biases of query, key and value.
enum Qwen2Architecture {
    static let layerTensors = ArchitectureTensors.decoder.union(["attn_q.bias", "attn_k.bias", "attn_v.bias"])

    static func configuration(
        _ decoder: DecoderFields, embeddingRows: Int, tiedHead: Bool
    ) throws -> ModelConfiguration {
        var result = try decoder.configuration(embeddingRows: embeddingRows, tiedHead: tiedHead, pairing: .halves)
        result.attentionBias = .required
        return result
    }
}
