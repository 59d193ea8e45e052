import Domain
import Foundation
import Inference
import ServiceRuntime

/// What a model file holds. Its JSON has these names for good.
struct ModelFacts: Encodable, Sendable, Hashable {
    /// Tensors of one type.
    struct TensorKind: Encodable, Sendable, Hashable {
        var type: String
        var tensors: Int
        var bytes: Int
    }

    var file: String
    var bytes: Int
    var architecture: String?
    var name: String?
    var layers: Int?
    var contextTokens: Int?
    var hidden: Int?
    var vocabulary: Int?
    /// KV cache of one token in all layers.
    var kvBytesPerToken: Int?
    /// By bytes, largest first.
    var types: [TensorKind] = []
    /// Why it cannot be served.
    var problem: String?

    enum CodingKeys: String, CodingKey {
        case file, bytes, architecture, name, layers, hidden, vocabulary, types, problem
        case contextTokens = "context_tokens"
        case kvBytesPerToken = "kv_bytes_per_token"
    }

    /// Reads a file; what is wrong with it is told, as far as it could be read.
    init(path: String) {
        file = path
        bytes = ((try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? NSNumber)?.intValue ?? 0
        do {
            let gguf = try GGUFFile(path: path)
            bytes = gguf.fileBytes
            architecture = try? gguf.metadata.string("general.architecture")
            name = try? gguf.metadata.string("general.name")
            types = Self.kinds(gguf.tensors.map { ("\($0.type)", $0.byteCount) })
            let description = try ModelFile(gguf: gguf).description
            architecture = description.architecture
            layers = description.layers
            contextTokens = description.maxContext
            hidden = description.hidden
            vocabulary = description.vocabulary
            kvBytesPerToken = description.kvBytesPerTokenPerLayer * description.layers
        } catch {
            problem = "\(error)"
        }
    }

    /// Sums tensors up by type.
    static func kinds(_ tensors: [(type: String, bytes: Int)]) -> [TensorKind] {
        Dictionary(grouping: tensors, by: \.type).map { type, group in
            TensorKind(type: type, tensors: group.count, bytes: group.reduce(0) { $0 + $1.bytes })
        }.sorted { $0.bytes == $1.bytes ? $0.type < $1.type : $0.bytes > $1.bytes }
    }

    /// One line for each fact.
    var text: String {
        var rows = [["file", file], ["size", "\(ByteText.format(bytes)) (\(bytes) bytes)"]]
        func add(_ title: String, _ value: String?) {
            if let value { rows.append([title, PrintableText.clean(value)]) }
        }
        add("name", name)
        add("architecture", architecture)
        add("layers", layers.map(String.init))
        add("context", contextTokens.map { "\($0) tokens" })
        add("hidden", hidden.map(String.init))
        add("vocabulary", vocabulary.map { "\($0) tokens" })
        add("KV cache", kvBytesPerToken.map { "\(ByteText.format($0)) a token (16 bits)" })
        for kind in types { add("type \(kind.type)", "\(kind.tensors) tensors, \(ByteText.format(kind.bytes))") }
        add("problem", problem)
        return TextTable.format(rows)
    }
}
