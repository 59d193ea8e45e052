/// A JSON value, for checking what was generated.
indirect enum Value: Equatable {
    case null
    case bool(Bool)
    case number(Double, isWhole: Bool)
    case string(String)
    case array([Value])
    case object([(key: String, value: Value)])

    static func == (left: Value, right: Value) -> Bool { left.text == right.text }

    /// A text that differs for different values; keys keep their order.
    private var text: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .number(let value, _): "\(value)"
        case .string(let value): "s\(value.debugDescription)"
        case .array(let elements): "[\(elements.map(\.text))]"
        case .object(let members): "{\(members.map { $0.key.debugDescription + $0.value.text })}"
        }
    }

    subscript(key: String) -> Value? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    var number: Double? { if case .number(let value, _) = self { value } else { nil } }
    var elements: [Value]? { if case .array(let elements) = self { elements } else { nil } }
    var string: String? { if case .string(let text) = self { text } else { nil } }
}

/// A small parser of JSON, independent of the one under test.
struct ValueParser {
    struct Malformed: Error {
        var position: Int
    }

    private var bytes: [UInt8]
    private var position = 0

    static func parse(_ bytes: [UInt8]) throws -> Value {
        guard String(validating: bytes, as: UTF8.self) != nil else { throw Malformed(position: -1) }
        var parser = ValueParser(bytes: bytes)
        let value = try parser.value()
        guard parser.position == bytes.count else { throw Malformed(position: parser.position) }
        return value
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func space() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    private mutating func take(_ text: String) -> Bool {
        guard bytes[position...].starts(with: text.utf8) else { return false }
        position += text.utf8.count
        return true
    }

    private mutating func value() throws -> Value {
        space()
        defer { space() }
        if take("null") { return .null }
        if take("true") { return .bool(true) }
        if take("false") { return .bool(false) }
        if take("\"") { return .string(try string()) }
        if take("[") {
            var elements: [Value] = []
            space()
            if take("]") { return .array([]) }
            repeat { elements.append(try value()) } while take(",")
            guard take("]") else { throw Malformed(position: position) }
            return .array(elements)
        }
        if take("{") {
            var members: [(key: String, value: Value)] = []
            space()
            if take("}") { return .object([]) }
            repeat {
                space()
                guard take("\"") else { throw Malformed(position: position) }
                let key = try string()
                space()
                guard take(":") else { throw Malformed(position: position) }
                members.append((key, try value()))
            } while take(",")
            guard take("}") else { throw Malformed(position: position) }
            return .object(members)
        }
        return try number()
    }

    private mutating func number() throws -> Value {
        let start = position
        while position < bytes.count, "+-.eE0123456789".utf8.contains(bytes[position]) { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        let pattern = #/-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/#
        guard text.wholeMatch(of: pattern) != nil, let value = Double(text), value.isFinite else {
            throw Malformed(position: start)
        }
        return .number(value, isWhole: !text.contains { ".eE".contains($0) })
    }

    private mutating func string() throws -> String {
        var units: [UInt16] = []
        var start = position
        func flushed(_ end: Int) -> [UInt16] { Array(String(decoding: bytes[start..<end], as: UTF8.self).utf16) }
        while position < bytes.count {
            let byte = bytes[position]
            guard byte >= 0x20 else { break }
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { units += flushed(position) }
            position += 1
            if byte == UInt8(ascii: "\"") {
                guard let text = String(validating: units, as: UTF16.self) else { throw Malformed(position: position) }
                return text
            }
            guard byte == UInt8(ascii: "\\"), position < bytes.count else { continue }
            let escapes: [UInt8: UInt16] = [
                0x22: 0x22, 0x5C: 0x5C, 0x2F: 0x2F, 0x62: 8, 0x66: 12, 0x6E: 10, 0x72: 13, 0x74: 9,
            ]
            if let unit = escapes[bytes[position]] {
                units.append(unit)
                position += 1
            } else {
                guard take("u"), position + 4 <= bytes.count,
                    let unit = UInt16(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
                else { break }
                units.append(unit)
                position += 4
            }
            start = position
        }
        throw Malformed(position: position)
    }
}

/// A small validator of the schemas of the tests, independent of the compiler of grammars.
struct SchemaValidator {
    let root: Value

    func isValid(_ value: Value, _ schema: Value) -> Bool {
        if case .bool(let allows) = schema { return allows }
        guard case .object(let keywords) = schema else { return false }
        return keywords.allSatisfy { holds($0.key, $0.value, value, schema) }
    }

    private func holds(_ keyword: String, _ argument: Value, _ value: Value, _ schema: Value) -> Bool {
        switch (keyword, value) {
        case ("type", _):
            let names = (argument.elements ?? [argument]).compactMap(\.string)
            return names.contains { hasType(value, $0) }
        case ("enum", _): return argument.elements?.contains(value) ?? false
        case ("const", _): return value == argument
        case ("anyOf", _): return argument.elements?.contains { isValid(value, $0) } ?? false
        case ("allOf", _): return argument.elements?.allSatisfy { isValid(value, $0) } ?? false
        case ("$ref", _):
            var found: Value? = root
            for step in argument.string?.split(separator: "/").dropFirst() ?? [] { found = found?[String(step)] }
            return found.map { isValid(value, $0) } ?? false
        case ("minimum", .number(let number, _)): return number >= argument.number ?? .nan
        case ("exclusiveMaximum", .number(let number, _)): return number < argument.number ?? .nan
        case ("maximum", .number(let number, _)): return number <= argument.number ?? .nan
        case ("minLength", .string(let text)): return Double(text.unicodeScalars.count) >= argument.number ?? .nan
        case ("maxLength", .string(let text)): return Double(text.unicodeScalars.count) <= argument.number ?? .nan
        case ("minItems", .array(let elements)): return Double(elements.count) >= argument.number ?? .nan
        case ("maxItems", .array(let elements)): return Double(elements.count) <= argument.number ?? .nan
        case ("items", .array(let elements)):
            let fixed = schema["prefixItems"]?.elements?.count ?? 0
            return elements.dropFirst(fixed).allSatisfy { isValid($0, argument) }
        case ("prefixItems", .array(let elements)):
            return zip(elements, argument.elements ?? []).allSatisfy { isValid($0, $1) }
        case ("required", .object):
            return argument.elements?.allSatisfy { $0.string.map { value[$0] != nil } ?? false } ?? false
        case ("properties", .object(let members)):
            return members.allSatisfy { member in argument[member.key].map { isValid(member.value, $0) } ?? true }
        case ("additionalProperties", .object(let members)):
            return members.allSatisfy { schema["properties"]?[$0.key] != nil || isValid($0.value, argument) }
        case ("pattern", .string(let text)):
            guard let pattern = try? Regex(argument.string ?? "(") else { return false }
            return text.firstMatch(of: pattern) != nil
        default: return true
        }
    }

    private func hasType(_ value: Value, _ name: String) -> Bool {
        switch (name, value) {
        case ("null", .null), ("boolean", .bool), ("string", .string), ("array", .array), ("object", .object): true
        case ("number", .number): true
        case ("integer", .number(_, let isWhole)): isWhole
        default: false
        }
    }
}
