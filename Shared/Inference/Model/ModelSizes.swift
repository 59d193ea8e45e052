internal import Domain

/// Computes the sizes that planning needs from what stages would load.
struct ModelSizes {
    let tensors: TensorLookup
    let configuration: ModelConfiguration

    /// Finds every tensor of every layer, so that a file that lacks one is refused when it is opened.
    func description(digest: ModelDigest, fileBytes: Int) throws -> ModelDescription {
        var largestLayer = 0
        var parameters = 0
        for layer in 0..<configuration.layers {
            let source = try LayerSource(tensors: tensors, configuration: configuration, layer: layer)
            largestLayer = max(largestLayer, source.arenaBytes)
            parameters = max(parameters, source.parameters)
        }
        let head = try HeadSource(tensors: tensors, configuration: configuration)
        let embedding = try tensors.matrix(
            "token_embd.weight", rows: configuration.vocabulary, columns: configuration.hidden)
        return unsafe ModelDescription(
            name: configuration.name, digest: digest, architecture: configuration.architecture.rawValue,
            layers: configuration.layers, hidden: configuration.hidden, ffn: configuration.feedForward,
            heads: configuration.heads, kvHeads: configuration.kvHeads, headDim: configuration.headDim,
            vocabulary: configuration.vocabulary, maxContext: configuration.contextLength, paramsPerLayer: parameters,
            bytesPerLayer: largestLayer, bytesEmbedding: embedding.bytes.count, bytesHead: head.arenaBytes,
            bytesTotal: fileBytes, kvBytesPerTokenPerLayer: configuration.kvShape.bytesPerTokenPerLayer(as: .f16),
            activationBytesPerToken: configuration.hidden * 4, slidingWindow: configuration.slidingWindow?.positions,
            slidingPeriod: configuration.slidingWindow?.period)
    }
}
