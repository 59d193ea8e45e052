/// The model architectures that the engine runs, by their GGUF names; each has a file of its own.
public enum ModelArchitecture: String, Sendable, Hashable, CaseIterable {
    /// Llama and what shares its form (SmolLM, TinyLlama, Mistral...).
    case llama
    /// Qwen2 and Qwen2.5.
    case qwen2
    /// Qwen3, dense.
    case qwen3
    /// Gemma 3, text.
    case gemma3

    init(_ fields: HeaderFields) throws {
        let name = try fields.string("general.architecture")
        guard let known = Self(rawValue: name) else {
            let names = Self.allCases.map(\.rawValue).joined(separator: ", ")
            throw InferenceError(
                .unsupported, "general.architecture: \"\(name)\" is not supported (supported: \(names))")
        }
        self = known
    }

    /// The configuration that the header describes.
    func configuration(_ fields: HeaderFields, embeddingRows: Int, tiedHead: Bool) throws -> ModelConfiguration {
        let decoder = DecoderFields(fields: fields, architecture: self)
        let model = try read(decoder, embeddingRows, tiedHead)
        try UnreadFields.check(decoder, model)
        return model
    }

    private func read(
        _ decoder: DecoderFields, _ embeddingRows: Int, _ tiedHead: Bool
    ) throws -> ModelConfiguration {
        switch self {
        case .llama: try LlamaArchitecture.configuration(decoder, embeddingRows: embeddingRows, tiedHead: tiedHead)
        case .qwen2: try Qwen2Architecture.configuration(decoder, embeddingRows: embeddingRows, tiedHead: tiedHead)
        case .qwen3: try Qwen3Architecture.configuration(decoder, embeddingRows: embeddingRows, tiedHead: tiedHead)
        case .gemma3: try Gemma3Architecture.configuration(decoder, embeddingRows: embeddingRows, tiedHead: tiedHead)
        }
    }

    /// What may follow `blk.N.` in the name of a tensor; anything else would change the result if it were ignored.
    var layerTensors: Set<String> {
        switch self {
        case .llama: LlamaArchitecture.layerTensors
        case .qwen2: Qwen2Architecture.layerTensors
        case .qwen3: Qwen3Architecture.layerTensors
        case .gemma3: Gemma3Architecture.layerTensors
        }
    }
}
