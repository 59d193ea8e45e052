import Foundation
import Inference

/// What a model file says about itself, for clients that show it.
struct ModelFileFacts: Sendable, Hashable {
    /// The architecture's name.
    var architecture = ""
    /// Size of the file in bytes.
    var bytes = 0
    /// How many weights it has.
    var parameters = 0
    /// How most of them are stored.
    var quantization = ""
    /// When the file was written, by RFC 3339.
    var modified = ""
    /// Whole numbers of its metadata by their keys.
    var figures: [Figure] = []

    /// One number of the metadata.
    struct Figure: Sendable, Hashable {
        var key: String
        var value: Int
    }

    private static let told = [
        "context_length", "embedding_length", "block_count", "feed_forward_length", "attention.head_count",
        "attention.head_count_kv",
    ]

    /// Knows nothing.
    init() {}

    /// Reads the facts of an open file.
    init(_ file: GGUFFile, path: String) {
        architecture = (try? file.metadata.optionalString("general.architecture")) ?? ""
        bytes = file.fileBytes
        var sizes: [String: Int] = [:]
        for tensor in file.tensors {
            parameters += tensor.shape.reduce(1, *)
            sizes[tensor.type.name, default: 0] += tensor.byteCount
        }
        quantization = sizes.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? ""
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        if let date = attributes?[.modificationDate] as? Date { modified = date.ISO8601Format() }
        for key in Self.told.map({ "\(architecture).\($0)" }) {
            // Some models have one number a layer; that is no fact of this kind.
            if let value = try? file.metadata.optionalUInt(key) { figures.append(Figure(key: key, value: value)) }
        }
    }

    /// The number of weights as people write it: `134.5M`.
    var parameterSize: String {
        switch parameters {
        case 0: ""
        case ..<1_000_000: "\(tenths(1000))K"
        case ..<1_000_000_000: "\(tenths(1_000_000))M"
        default: "\(tenths(1_000_000_000))B"
        }
    }

    private func tenths(_ unit: Int) -> Double { (Double(parameters) / Double(unit) * 10).rounded() / 10 }
}
