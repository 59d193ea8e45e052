/// The final norm and the LM head in the model file.
struct HeadSource {
    private let norm: [Float]
    private let matrix: SourceMatrix

    init(tensors: TensorLookup, configuration: ModelConfiguration) throws {
        norm = try tensors.vector("output_norm.weight", configuration.hidden)
        matrix = try tensors.matrix(
            configuration.tiedHead ? "token_embd.weight" : "output.weight", rows: configuration.vocabulary,
            columns: configuration.hidden)
    }

    /// Bytes that the head takes once loaded.
    var arenaBytes: Int { WeightArena.padded(matrix.packedBytes) + WeightArena.padded(norm.count * 4) }

    func load(_ loader: WeightLoader) throws -> StageWeights.Head {
        unsafe StageWeights.Head(norm: loader.copy(norm), matrix: try loader.pack(matrix))
    }
}
