/// A call in the notation of Gemma: `call:get_weather{city:<escape>Paris<escape>,days:3}`. Keys have no quotes, texts stand between marks.
struct GemmaCall {
    private(set) var name = ""
    private(set) var arguments = JSONValue.object([])

    private let bytes: [UInt8]
    private let quote: [UInt8]
    private var position = 0

    /// Reads a whole call.
    init?(_ bytes: [UInt8], quote: String) {
        self.bytes = bytes
        self.quote = Array(quote.utf8)
        skipSpace()
        guard take(Array("call:".utf8)) else { return nil }
        name = word(until: [UInt8(ascii: "{")])
        guard !name.isEmpty, let value = value(depth: 0), value.members != nil else { return nil }
        skipSpace()
        guard position == bytes.count else { return nil }
        arguments = value
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() { while current?.isJSONSpace == true { position += 1 } }

    private mutating func take(_ part: [UInt8]) -> Bool {
        guard bytes[position...].starts(with: part) else { return false }
        position += part.count
        return true
    }

    private mutating func take(_ byte: Unicode.Scalar) -> Bool { take([UInt8(ascii: byte)]) }

    private mutating func word(until ends: [UInt8]) -> String {
        let start = position
        while let byte = current, !ends.contains(byte) { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self).filter { !$0.isWhitespace }
    }

    private mutating func value(depth: Int) -> JSONValue? {
        guard depth < JSONParser.maximumDepth else { return nil }
        skipSpace()
        if take(quote) { return text() }
        if take("{") { return object(depth: depth + 1) }
        if take("[") { return array(depth: depth + 1) }
        if current == UInt8(ascii: "\"") { return quoted() }
        let word = word(until: Array(",}]".utf8))
        return (try? JSONParser.parse(Array(word.utf8))) ?? (word.isEmpty ? nil : .string(word))
    }

    private mutating func text() -> JSONValue? {
        guard let length = Array(bytes[position...]).firstStart(of: quote) else { return nil }
        defer { position += length + quote.count }
        return .string(String(decoding: bytes[position..<position + length], as: UTF8.self))
    }

    private mutating func quoted() -> JSONValue? {
        let start = position
        position += 1
        while let byte = current, byte != UInt8(ascii: "\"") { position += byte == UInt8(ascii: "\\") ? 2 : 1 }
        guard current != nil else { return nil }
        position += 1
        return try? JSONParser.parse(Array(bytes[start..<position]))
    }

    private mutating func object(depth: Int) -> JSONValue? {
        var members: [JSONValue.Member] = []
        skipSpace()
        if take("}") { return .object([]) }
        while true {
            skipSpace()
            var key = ""
            if take(quote) {
                guard let text = text()?.text else { return nil }
                key = text
                skipSpace()
            } else {
                key = word(until: Array(":,}".utf8)).filter { $0 != "\"" }
            }
            guard !key.isEmpty, take(":"), let value = value(depth: depth) else { return nil }
            members.removeAll { $0.key == key }
            members.append(JSONValue.Member(key: key, value: value))
            skipSpace()
            if take("}") { return .object(members) }
            guard take(",") else { return nil }
        }
    }

    private mutating func array(depth: Int) -> JSONValue? {
        var elements: [JSONValue] = []
        skipSpace()
        if take("]") { return .array([]) }
        while true {
            guard let value = value(depth: depth) else { return nil }
            elements.append(value)
            skipSpace()
            if take("]") { return .array(elements) }
            guard take(",") else { return nil }
        }
    }
}
