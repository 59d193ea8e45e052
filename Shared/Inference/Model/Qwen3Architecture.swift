/// As llama, with RoPE on halves and RMSNorm of every query and key head.
enum Qwen3Architecture {
    static let layerTensors = ArchitectureTensors.decoder.union(ArchitectureTensors.headNorms)

    static func configuration(
        _ decoder: DecoderFields, embeddingRows: Int, tiedHead: Bool
    ) throws -> ModelConfiguration {
        var result = try decoder.configuration(embeddingRows: embeddingRows, tiedHead: tiedHead, pairing: .halves)
        result.attentionBias = .absent
        result.headNorms = true
        return result
    }
}
