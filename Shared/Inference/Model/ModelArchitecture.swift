/// The model architectures that the engine runs, by their GGUF names; each has a file of its own.
public enum ModelArchitecture: String, Sendable, Hashable, CaseIterable {
    /// Llama and what shares its form (SmolLM, TinyLlama, Mistral...).
    case llama

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
        switch self {
        case .llama: try LlamaArchitecture.configuration(fields, embeddingRows: embeddingRows, tiedHead: tiedHead)
        }
    }

    /// What may follow `blk.N.` in the name of a tensor; anything else would change the result if it were ignored.
    var layerTensors: Set<String> {
        switch self {
        case .llama: LlamaArchitecture.layerTensors
        }
    }
}
