public import Domain
internal import Kernels

/// A model file, mapped and checked: its configuration, its description for planning, and its tensors.
///
/// Opening reads the header only; weights stay in the file until a stage packs its layers. A file that lies about its
/// sizes, lacks a tensor, or needs something that the engine does not have is refused with the key or tensor named.
public final class ModelFile: Sendable {
    /// The numbers of the forward pass.
    public let configuration: ModelConfiguration
    /// The sizes that planning needs.
    public let description: ModelDescription
    /// The file itself, with its vocabulary and chat template.
    public let gguf: GGUFFile

    /// Opens a model file whose keys and values will be kept as `kvType`.
    public convenience init(path: String, kvType: KVType = .f16) throws {
        try self.init(gguf: try GGUFFile(path: path), kvType: kvType)
    }

    /// Checks a file that is open.
    public init(gguf: GGUFFile, kvType: KVType = .f16) throws {
        self.gguf = gguf
        let fields = HeaderFields(gguf: gguf)
        let tensors = TensorLookup(gguf: gguf)
        let architecture = try ModelArchitecture(fields)
        var configuration = try architecture.configuration(
            fields, embeddingRows: try tensors.embeddingRows(), tiedHead: !tensors.contains("output.weight"))
        guard kvType != .q8_0 || configuration.headDim % 32 == 0 else {
            throw InferenceError(
                .unsupported,
                "a KV cache of type q8_0 needs heads of a multiple of 32 components; this model's have "
                    + "\(configuration.headDim)")
        }
        configuration.kvType = kvType
        try tensors.checkVocabulary(fields, rows: configuration.vocabulary)
        try tensors.checkNames(architecture, layers: configuration.layers)
        self.configuration = configuration
        _ = try KernelDimensions(configuration, ropeFactors: nil, maxPositions: 32)
        description = try ModelSizes(tensors: tensors, configuration: configuration).description(
            digest: ModelDigest(gguf.digest), fileBytes: gguf.fileBytes)
    }

    var tensors: TensorLookup { TensorLookup(gguf: gguf) }

    /// The factors that Llama 3 files divide the RoPE frequencies by, where the file has them.
    func ropeFactors() throws -> [Float]? {
        let name = "rope_freqs.weight"
        guard let factors = try tensors.optionalVector(name, configuration.rope.dimensions / 2) else { return nil }
        guard factors.allSatisfy({ $0.isFinite && $0 > 0 }) else {
            throw InferenceError(.invalidFile, "tensor \(name) holds a factor that is not a positive number")
        }
        return factors
    }
}
