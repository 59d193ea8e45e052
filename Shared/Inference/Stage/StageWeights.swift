internal import Domain
internal import Kernels

/// The packed weights of a layer range: only these layers, the embedding rows of a first stage (read from the mapped file
/// one token at a time) and the norm and LM head of a last stage.
@safe final class StageWeights {
    /// Final norm and LM head.
    @safe struct Head {
        let norm: UnsafePointer<Float>
        let matrix: e2_matrix
    }

    /// The kernels' description of each layer.
    let layers: UnsafeMutablePointer<e2_layer>
    /// On the last stage.
    let head: Head?
    /// Bytes of memory for weights, those that it shares with other stages included.
    let bytes: Int

    /// Keep the memory of the layers and of the head alive.
    private let shared: [LayerWeights]
    private let arena: WeightArena
    private let embedding: SourceMatrix?
    private let embeddingScale: Float
    /// Keeps the map alive for the embedding.
    private let model: ModelFile

    /// Packs the weights of `range` that are not in `store` yet, the embedding and the head where they are wanted.
    init(
        model: ModelFile, layers range: LayerRange, withEmbedding: Bool, withHead: Bool, pool: ComputePool,
        layout: KVBlockLayout, store: WeightStore
    ) throws {
        let configuration = model.configuration
        let tensors = model.tensors
        let sources = try range.range.filter { store.weights($0) == nil }.map {
            ($0, try LayerSource(tensors: tensors, configuration: configuration, layer: $0))
        }
        embeddingScale = configuration.embeddingScale
        let headSource = withHead ? try HeadSource(tensors: tensors, configuration: configuration) : nil
        embedding =
            withEmbedding
            ? try tensors.matrix("token_embd.weight", rows: configuration.vocabulary, columns: configuration.hidden)
            : nil
        let headBytes = headSource?.arenaBytes ?? 0
        let arena = try WeightArena(
            bytes: sources.reduce(WeightArena.pages(headBytes)) { $0 + WeightArena.pages($1.1.arenaBytes) })
        // The store holds layers weakly: these keep them until the stage does.
        var loaded: [LayerWeights] = []
        defer { withExtendedLifetime(loaded) {} }
        let loader = WeightLoader(tensors: tensors, arena: arena, pool: pool)
        for (layer, source) in sources {
            let weights = try LayerWeights(source, loader)
            loaded.append(weights)
            store.insert(weights, layer)
        }
        _ = arena.alignToPage()
        head = try headSource?.load(loader)
        shared = range.range.compactMap(store.weights)
        bytes = shared.reduce(headBytes) { $0 + $1.bytes }
        self.arena = arena
        self.model = model
        unsafe layers = UnsafeMutablePointer<e2_layer>.allocate(capacity: max(shared.count, 1))
        for (index, weights) in shared.enumerated() {
            var layer = unsafe weights.layer
            unsafe layer.key_offset = layout.keyOffset(layer: index)
            unsafe layer.value_offset = layout.valueOffset(layer: index)
            unsafe layers[index] = unsafe layer
        }
    }

    deinit { unsafe layers.deallocate() }

    /// Writes the embedding of a token of the vocabulary as f32.
    func writeEmbedding(of token: Int32, to destination: UnsafeMutablePointer<Float>) throws {
        guard let embedding, let base = unsafe embedding.bytes.baseAddress else {
            throw InferenceError(.invalidInput, "this stage has no token embedding")
        }
        let rowBytes = unsafe embedding.bytes.count / embedding.rows
        let status = unsafe e2_dequantize_row(
            embedding.type, base + Int(token) * rowBytes, Int64(embedding.columns), destination)
        try KernelFailure.check(status, "tensor \(embedding.name)")
        guard embeddingScale != 1 else { return }
        for index in 0..<embedding.columns { unsafe destination[index] *= embeddingScale }
    }
}
