public import Domain

/// The file `models/NAME.json`.
public enum ModelDescriptionFile {
    /// Most bytes that are read unless told otherwise.
    public static let byteLimit = 1 << 20

    /// Reads and checks a model description from the bytes of its file (also `String.utf8`).
    ///
    /// `digest`, `architecture` and `quantisation` may be missing; unknown fields are ignored.
    ///
    /// - Throws: `tooLarge`, `malformed`, or what is wrong with a field, naming it.
    public static func read(
        _ bytes: some Collection<UInt8>, limit: Int = byteLimit
    ) throws(ScenarioError) -> ModelDescription {
        let fields = ModelFields(
            try JSONDocument(kind: .model, limit: limit).read(bytes, as: [String: ModelFields.Value].self))
        return ModelDescription(
            name: try fields.text("name"), digest: ModelDigest(try fields.text("digest", default: "")),
            architecture: try fields.text("architecture", default: "llama"),
            layers: try fields.whole("layers", 1...4096),
            hidden: try fields.whole("hidden", 1...1 << 24),
            ffn: try fields.whole("ffn", 1...1 << 26),
            heads: try fields.whole("n_heads", 1...1 << 16),
            kvHeads: try fields.whole("n_kv_heads", 1...1 << 16),
            headDim: try fields.whole("head_dim", 1...1 << 16),
            vocabulary: try fields.whole("vocab", 1...1 << 28),
            maxContext: try fields.whole("max_context", 1...1 << 30),
            paramsPerLayer: try fields.whole("params_per_layer", 1...1 << 44),
            bytesPerLayer: try fields.whole("bytes_per_layer", 1...1 << 44),
            bytesEmbedding: try fields.whole("bytes_embedding", 0...1 << 44),
            bytesHead: try fields.whole("bytes_lm_head", 0...1 << 44),
            bytesTotal: try fields.whole("bytes_total", 1...1 << 50),
            kvBytesPerTokenPerLayer: try fields.whole("kv_bytes_per_token_per_layer", 1...1 << 24),
            activationBytesPerToken: try fields.whole("activation_bytes_per_token", 1...1 << 28))
    }

    /// The bytes of a model's file, for `read`.
    public static func write(_ model: ModelDescription) throws(ScenarioError) -> [UInt8] {
        try JSONDocument(kind: .model, limit: byteLimit).write(model)
    }
}

/// The fields of a model file by name.
private struct ModelFields {
    enum Value: Decodable {
        case number(Double)
        case text(String)
        case other

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Double.self) {
                self = .number(number)
            } else if let text = try? container.decode(String.self) {
                self = .text(text)
            } else {
                self = .other
            }
        }
    }

    private let values: [String: Value]

    init(_ values: [String: Value]) { self.values = values }

    func whole(_ name: String, _ range: ClosedRange<Int>) throws(ScenarioError) -> Int {
        guard let value = values[name] else { throw missing(name) }
        guard case .number(let number) = value else { throw fault(name, "is not a number") }
        let shown = ExactFigure.text(number)
        guard let whole = Int(exactly: number) else { throw fault(name, "is \(shown), it must be a whole number") }
        guard range.contains(whole) else {
            throw fault(name, "is \(shown), it must be in \(range.lowerBound)...\(range.upperBound)")
        }
        return whole
    }

    func text(_ name: String, default standard: String? = nil) throws(ScenarioError) -> String {
        guard let value = values[name] else {
            guard let standard else { throw missing(name) }
            return standard
        }
        guard case .text(let text) = value else { throw fault(name, "is not a text") }
        let check = FieldCheck(kind: .model)
        if standard == nil { try check.name(text, name) } else { try check.label(text, name) }
        return text
    }

    private func missing(_ name: String) -> ScenarioError { fault(name, "is missing") }
    private func fault(_ name: String, _ problem: String) -> ScenarioError {
        ScenarioError(.invalidField, in: .model, "\(name) \(problem)")
    }
}
