import Foundation

/// JSON as it is sent, figure by figure: any of them may be replaced by text that no type of ours could hold.
enum WireValue: Sendable {
    /// A number, as it is written.
    case figure(String)
    /// Any other JSON, as it is written; figures in it are left alone.
    case raw(String)
    case array([WireValue])
    case object([Field])

    /// A field of an object; the order is kept.
    struct Field: Sendable {
        var key: String
        var value: WireValue
    }

    /// Keys and indices from the top to a value.
    typealias Path = [String]

    /// The JSON of a value of ours.
    init(_ value: some Encodable) throws {
        self = .raw(String(decoding: try JSONEncoder().encode(value), as: UTF8.self))
    }

    /// The text.
    var json: String {
        switch self {
        case .figure(let text), .raw(let text): text
        case .array(let values): "[" + values.map(\.json).joined(separator: ",") + "]"
        case .object: "{" + (fieldsJSON ?? "") + "}"
        }
    }

    /// The fields of an object without its braces; `nil` where it has none.
    var fieldsJSON: String? {
        guard case .object(let fields) = self, !fields.isEmpty else { return nil }
        return fields.map { Self.quoted($0.key) + ":" + $0.value.json }.joined(separator: ",")
    }

    /// Where the figures are, in the order in which they are written.
    var figures: [Path] {
        switch self {
        case .figure: [[]]
        case .raw: []
        case .array(let values):
            values.enumerated().flatMap { index, value in value.figures.map { [String(index)] + $0 } }
        case .object(let fields): fields.flatMap { field in field.value.figures.map { [field.key] + $0 } }
        }
    }

    /// The same with another value at a path; without the value where that is `nil`.
    func setting(_ path: Path, to new: WireValue?) -> WireValue {
        guard let first = path.first else { return new ?? self }
        let rest = Array(path.dropFirst())
        switch self {
        case .figure, .raw: return self
        case .array(var values):
            guard let index = Int(first), values.indices.contains(index) else { return self }
            if rest.isEmpty, new == nil {
                values.remove(at: index)
            } else {
                values[index] = values[index].setting(rest, to: new)
            }
            return .array(values)
        case .object(var fields):
            guard let index = fields.firstIndex(where: { $0.key == first }) else { return self }
            if rest.isEmpty, new == nil {
                fields.remove(at: index)
            } else {
                fields[index].value = fields[index].value.setting(rest, to: new)
            }
            return .object(fields)
        }
    }

    private static func quoted(_ text: String) -> String {
        let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return "\"\(escaped)\""
    }
}

extension WireValue: ExpressibleByIntegerLiteral {
    init(integerLiteral value: Int) { self = .figure(String(value)) }
}

extension WireValue: ExpressibleByFloatLiteral {
    init(floatLiteral value: Double) { self = .figure(String(value)) }
}

extension WireValue: ExpressibleByStringLiteral {
    init(stringLiteral value: String) { self = .text(value) }

    /// A text.
    static func text(_ text: String) -> WireValue { .raw(quoted(text)) }
}

extension WireValue: ExpressibleByBooleanLiteral {
    init(booleanLiteral value: Bool) { self = .raw(value ? "true" : "false") }
}

extension WireValue: ExpressibleByArrayLiteral {
    init(arrayLiteral elements: WireValue...) { self = .array(elements) }
}

extension WireValue: ExpressibleByDictionaryLiteral {
    init(dictionaryLiteral elements: (String, WireValue)...) {
        self = .object(elements.map { Field(key: $0.0, value: $0.1) })
    }
}
