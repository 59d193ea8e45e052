import Foundation

/// JSON of the gateway's event stream: read as it comes, since it may hold more than this program knows.
enum PictureValue: Decodable, Sendable, Hashable {
    case null
    case bool(Bool)
    case number(Double)
    case text(String)
    case list([PictureValue])
    case object([String: PictureValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([PictureValue].self) {
            self = .list(value)
        } else {
            self = .object(try container.decode([String: PictureValue].self))
        }
    }

    /// Reads a text.
    ///
    /// - Throws: the decoder's error where it is no JSON.
    init(json: String) throws { self = try JSONDecoder().decode(PictureValue.self, from: Data(json.utf8)) }

    /// A member of an object; `nil` where there is none.
    subscript(_ key: String) -> PictureValue? {
        guard case .object(let members) = self else { return nil }
        return members[key]
    }

    /// An element of a list; `nil` where there is none.
    subscript(_ index: Int) -> PictureValue? {
        guard case .list(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }

    /// The number, where it is one.
    var number: Double? { if case .number(let value) = self { value } else { nil } }
    /// The whole number, where it is one that an `Int` holds.
    var int: Int? { number.flatMap { Int(exactly: $0.rounded()) } }
    /// The text without control characters, which a terminal would obey, where it is one.
    var text: String? {
        guard case .text(let value) = self else { return nil }
        return PrintableText.clean(value)
    }
    /// Whether it is `true`.
    var isTrue: Bool { self == .bool(true) }
    /// The elements of a list; none of anything else.
    var elements: [PictureValue] { if case .list(let values) = self { values } else { [] } }
    /// The members of an object; none of anything else.
    var members: [String: PictureValue] { if case .object(let values) = self { values } else { [:] } }

    /// The value after a change as RFC 7396 writes it: objects member by member, `null` removes, all else replaces.
    func merged(_ patch: PictureValue) -> PictureValue {
        guard case .object(let changes) = patch else { return patch }
        var result = members
        for (key, change) in changes {
            result[key] = change == .null ? nil : (result[key] ?? .null).merged(change)
        }
        return .object(result)
    }
}

/// Texts of other machines on a terminal.
enum PrintableText {
    /// A text without control characters.
    static func clean(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return text }
        return String(
            String.UnicodeScalarView(text.unicodeScalars.filter { $0.properties.generalCategory != .control }))
    }
}
