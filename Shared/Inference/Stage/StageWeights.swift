internal import Domain
internal import Kernels

/// The packed weights of a layer range: only these layers, the embedding rows of a first stage (read from the mapped file
/// one token at a time) and the norm and LM head of a last stage.
final class StageWeights {
    /// Final norm and LM head.
    struct Head {
        let norm: UnsafePointer<Float>
        let matrix: e2_matrix
    }

    /// The kernels' description of each layer.
    let layers: UnsafeMutablePointer<e2_layer>
    /// On the last stage.
    let head: Head?
    /// Bytes of memory for weights.
    var bytes: Int { arena.bytes }

    private let layerCount: Int
    private let arena: WeightArena
    private let embedding: SourceMatrix?
    private let embeddingScale: Float
    /// Keeps the map alive for the embedding.
    private let model: ModelFile

    /// Packs the weights of `range`, the embedding and the head where they are wanted.
    init(
        model: ModelFile, layers range: LayerRange, withEmbedding: Bool, withHead: Bool, pool: ComputePool,
        layout: KVBlockLayout
    ) throws {
        let configuration = model.configuration
        let tensors = model.tensors
        let sources = try range.range.map {
            try LayerSource(tensors: tensors, configuration: configuration, layer: $0)
        }
        embeddingScale = configuration.embeddingScale
        let headSource = withHead ? try HeadSource(tensors: tensors, configuration: configuration) : nil
        embedding =
            withEmbedding
            ? try tensors.matrix("token_embd.weight", rows: configuration.vocabulary, columns: configuration.hidden)
            : nil
        let arena = try WeightArena(
            bytes: sources.reduce(headSource?.arenaBytes ?? 0) { $0 + $1.arenaBytes })
        let loader = WeightLoader(tensors: tensors, arena: arena, pool: pool)
        let packed = UnsafeMutablePointer<e2_layer>.allocate(capacity: max(sources.count, 1))
        layers = packed
        layerCount = sources.count
        self.arena = arena
        self.model = model
        do {
            for (index, source) in sources.enumerated() {
                var layer = try source.load(loader)
                layer.key_offset = layout.keyOffset(layer: index)
                layer.value_offset = layout.valueOffset(layer: index)
                packed[index] = layer
            }
            head = try headSource?.load(loader)
        } catch {
            packed.deallocate()
            throw error
        }
    }

    deinit { layers.deallocate() }

    /// Writes the embedding of a token of the vocabulary as f32.
    func writeEmbedding(of token: Int32, to destination: UnsafeMutablePointer<Float>) throws {
        guard let embedding, let base = embedding.bytes.baseAddress else {
            throw InferenceError(.invalidInput, "this stage has no token embedding")
        }
        let rowBytes = embedding.bytes.count / embedding.rows
        let status = e2_dequantize_row(
            embedding.type, base + Int(token) * rowBytes, Int64(embedding.columns), destination)
        try KernelFailure.check(status, "tensor \(embedding.name)")
        guard embeddingScale != 1 else { return }
        for index in 0..<embedding.columns { destination[index] *= embeddingScale }
    }
}
