/// A JSON value. Objects keep the order of their keys, so that responses read as they were written.
enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int)
    /// A whole number above `Int.max`.
    case unsigned(UInt64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([Member])

    /// One key of an object.
    struct Member: Sendable, Hashable {
        var key: String
        var value: JSONValue
    }

    /// The value of a key; `nil` for other values than objects and for absent keys.
    subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    /// The members of an object.
    var members: [Member]? {
        guard case .object(let members) = self else { return nil }
        return members
    }

    /// The elements of an array.
    var elements: [JSONValue]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    /// The text of a string.
    var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// A whole number; also one written as `5.0`.
    var whole: Int? {
        switch self {
        case .integer(let value): value
        case .number(let value): Int(exactly: value)
        default: nil
        }
    }

    /// Whether it is a whole number, of any size.
    var isWhole: Bool {
        switch self {
        case .integer, .unsigned: true
        case .number(let value): value.rounded() == value
        default: false
        }
    }

    /// Any number.
    var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .unsigned(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// Whether it is `null`.
    var isNull: Bool { self == .null }

    /// The object with another value for a key that it has.
    func replacing(_ key: String, _ value: JSONValue) -> JSONValue {
        .object((members ?? []).map { $0.key == key ? Member(key: key, value: value) : $0 })
    }

    /// The object with the elements of another one's arrays behind those of its own.
    func joining(_ other: JSONValue) -> JSONValue {
        .object(
            (members ?? []).map { member in
                guard let own = member.value.elements, let more = other[member.key]?.elements else { return member }
                return Member(key: member.key, value: .array(own + more))
            })
    }

    /// The object with more members at its end.
    func adding(_ more: JSONValue) -> JSONValue {
        .object((members ?? []) + (more.members ?? []))
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int) { self = .integer(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    init(nilLiteral: ()) { self = .null }
    init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { Member(key: $0.0, value: $0.1) })
    }
}
