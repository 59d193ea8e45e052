internal import Domain
internal import Foundation

/// Reads and writes JSON files of one kind, with errors that name the field.
struct JSONDocument {
    /// What the library says about a fault, at most, in characters.
    private static let longestDetail = 120

    let kind: FileKind
    /// Most bytes that are read.
    let limit: Int

    /// Decodes a file. `names` is only asked after a fault: it gives the name of an element of a list, for the message.
    func read<Value: Decodable>(
        _ bytes: some Collection<UInt8>, as type: Value.Type,
        names: (_ list: String, _ index: Int, _ bytes: [UInt8]) -> String? = { _, _, _ in nil }
    ) throws(ScenarioError) -> Value {
        let count = bytes.count
        guard count <= limit else {
            throw ScenarioError(.tooLarge, in: kind, "\(count) bytes, at most \(limit) are read")
        }
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as DecodingError {
            let bytes = Array(bytes)
            throw fault(error, bytes) { names($0, $1, bytes) }
        } catch {
            throw ScenarioError(.malformed, in: kind, "not readable", underlying: error)
        }
    }

    /// Encodes a value: the same bytes for the same value, one field a line, with a line end after the last.
    func write(_ value: some Encodable) throws(ScenarioError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            return [UInt8](try encoder.encode(value)) + [UInt8(ascii: "\n")]
        } catch {
            throw ScenarioError(
                .invalidField, in: kind, "a figure is not finite and cannot be written", underlying: error)
        }
    }

    private func fault(_ error: DecodingError, _ bytes: [UInt8], _ name: (String, Int) -> String?) -> ScenarioError {
        switch error {
        case .keyNotFound(let key, let context):
            return field(context.codingPath + [key], "is missing", error, name)
        case .valueNotFound(_, let context):
            return field(context.codingPath, "is null", error, name)
        case .typeMismatch(let type, let context):
            return field(context.codingPath, "is not \(DecodingText.word(for: type) ?? "of its type")", error, name)
        case .dataCorrupted(let context) where context.codingPath.isEmpty:
            return ScenarioError(.malformed, in: kind, "not valid JSON\(Self.place(bytes))", underlying: error)
        case .dataCorrupted(let context):
            return field(
                context.codingPath,
                "is refused: \(MessageText.shortened(context.debugDescription, Self.longestDetail))", error, name)
        @unknown default:
            return ScenarioError(.malformed, in: kind, "not readable", underlying: error)
        }
    }

    private func field(
        _ path: [any CodingKey], _ problem: String, _ error: DecodingError, _ name: (String, Int) -> String?
    ) -> ScenarioError {
        let path = FieldPath.text(path, name: name)
        return ScenarioError(
            .invalidField, in: kind, "\(path.isEmpty ? "the document" : path) \(problem)", underlying: error)
    }

    /// What is wrong where with the form of the file. The decoder does not say it, the other reader of the library does.
    private static func place(_ bytes: [UInt8]) -> String {
        do {
            _ = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
            return ""
        } catch {
            let detail = (error as NSError).userInfo["NSDebugDescription"] as? String
            return detail.map { ": \(MessageText.shortened($0, longestDetail))" } ?? ""
        }
    }
}

/// An element of a list of which only the name is wanted; anything else about it may be wrong.
struct NamedElement: Decodable {
    let id: String?

    init(from decoder: any Decoder) throws {
        id = try? decoder.container(keyedBy: CodingKeys.self).decode(String.self, forKey: .id)
    }

    private enum CodingKeys: String, CodingKey {
        case id
    }
}
