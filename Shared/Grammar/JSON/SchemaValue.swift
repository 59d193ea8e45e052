/// A JSON value, as a schema is made of: objects keep the order of their keys.
public indirect enum SchemaValue: Sendable, Hashable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A whole number.
    case integer(Int)
    /// Any other number; finite.
    case number(Double)
    /// A string.
    case string(String)
    /// An array.
    case array([SchemaValue])
    /// An object.
    case object([Member])

    /// One key of an object.
    public struct Member: Sendable, Hashable {
        /// The key.
        public var key: String
        /// Its value.
        public var value: SchemaValue

        /// Makes a member.
        public init(key: String, value: SchemaValue) {
            self.key = key
            self.value = value
        }
    }

    /// The value of a key; `nil` for other values than objects and for absent keys.
    public subscript(key: String) -> SchemaValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    /// Refuses values that are larger or deeper than the text of a schema may be.
    func checkSize() throws(GrammarError) {
        var open: [(value: SchemaValue, depth: Int)] = [(self, 1)]
        var bytes = 0
        while let (value, depth) = open.popLast() {
            bytes += 1
            switch value {
            case .null, .bool, .integer, .number: break
            case .string(let text): bytes += text.utf8.count
            case .array(let elements): open += elements.map { ($0, depth + 1) }
            case .object(let members):
                for member in members {
                    bytes += member.key.utf8.count
                    open.append((member.value, depth + 1))
                }
            }
            guard bytes <= GrammarLimits.sourceBytes else {
                throw GrammarError(.limit, "a schema of more than \(GrammarLimits.sourceBytes) bytes")
            }
            guard depth <= GrammarLimits.depth else {
                throw GrammarError(.limit, "a schema more than \(GrammarLimits.depth) levels deep")
            }
        }
    }

    var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// A whole number that counts something.
    var count: Int? {
        switch self {
        case .integer(let value) where value >= 0: value
        case .number(let value) where value >= 0: Int(exactly: value)
        default: nil
        }
    }

    /// The name of its type in a schema.
    var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "boolean"
        case .integer: "integer"
        case .number(let value): value.rounded() == value ? "integer" : "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }

    /// The value as text without spaces; every string has one form only.
    var text: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .string(let value): Self.quoted(value)
        case .array(let elements): "[" + elements.map(\.text).joined(separator: ",") + "]"
        case .object(let members):
            "{" + members.map { Self.quoted($0.key) + ":" + $0.value.text }.joined(separator: ",") + "}"
        }
    }

    /// A string with its quotation marks.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            if let escape = escape(of: scalar.value) {
                result += escape
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// What stands for a scalar that cannot stand for itself in a string.
    static func escape(of scalar: UInt32) -> String? {
        switch scalar {
        case 0x22: "\\\""
        case 0x5C: "\\\\"
        case 0x08: "\\b"
        case 0x0C: "\\f"
        case 0x0A: "\\n"
        case 0x0D: "\\r"
        case 0x09: "\\t"
        case ..<0x20: "\\u00" + (scalar < 0x10 ? "0" : "") + String(scalar, radix: 16)
        default: nil
        }
    }
}
