/// A call whose arguments stand between tags: `<function=f><parameter=a>\nx\n</parameter></function>` (Qwen3-Coder), or
/// `f\n<arg_key>a</arg_key>\n<arg_value>x</arg_value>` (GLM). Texts have no quotes there, other values are JSON.
struct TaggedCall {
    /// Why there is no call.
    enum Stop: Error {
        /// More has to come.
        case incomplete
        /// It is none.
        case wrong
    }

    private(set) var name = ""
    private(set) var arguments = JSONValue.object([])
    /// Bytes that it takes; the mark behind it is not among them.
    var count: Int { position }

    private let bytes: [UInt8]
    private let isLast: Bool
    private var position = 0

    /// Reads a call from the beginning of a text.
    ///
    /// - Parameters:
    ///   - marks: How the model writes calls.
    ///   - names: The functions that there are.
    ///   - texts: Their arguments that are texts, whatever they look like.
    ///   - isLast: Whether nothing more comes.
    init(
        _ bytes: [UInt8], _ marks: ToolMarks, names: Set<String>, texts: [String: Set<String>], isLast: Bool
    ) throws(Stop) {
        (self.bytes, self.isLast) = (bytes, isLast)
        var members: [JSONValue.Member] = []
        skipSpace()
        let isGLM = marks.notation == .keysAndValues
        if !isGLM { try expect("<function=") }
        name = try word(until: isGLM ? ["\n", "<"] : [">"]).filter { !$0.isWhitespace }
        guard names.contains(name) else { throw .wrong }
        if !isGLM { try expect(">") }
        while true {
            skipSpace()
            let key: String
            if isGLM {
                if try take(marks.close, consumes: false) { break }
                try expect("<arg_key>")
                key = try word(until: ["<"])
                try expect("</arg_key>")
                skipSpace()
                try expect("<arg_value>")
            } else {
                if try take("</function>") { break }
                try expect("<parameter=")
                key = try word(until: [">", "\n"])
                try expect(">")
            }
            let isText = texts[name]?.contains(key) == true
            let value = try value(until: isGLM ? "</arg_value>" : "</parameter>", isText: isText, trims: !isGLM)
            members.removeAll { $0.key == key }
            members.append(JSONValue.Member(key: key, value: value))
        }
        arguments = .object(members)
    }

    private mutating func skipSpace() { while position < bytes.count, bytes[position].isJSONSpace { position += 1 } }

    /// Whether a mark stands here.
    private mutating func take(_ mark: String, consumes: Bool = true) throws(Stop) -> Bool {
        let mark = Array(mark.utf8)
        let rest = bytes[position...]
        if rest.starts(with: mark) {
            if consumes { position += mark.count }
            return true
        }
        if mark.starts(with: rest) { throw .incomplete }
        return false
    }

    private mutating func expect(_ mark: String) throws(Stop) {
        guard try take(mark) else { throw .wrong }
    }

    private mutating func word(until ends: [Unicode.Scalar]) throws(Stop) -> String {
        let ends = ends.map { UInt8(ascii: $0) }
        guard let end = bytes[position...].firstIndex(where: { ends.contains($0) }) else { throw .incomplete }
        guard end > position else { throw .wrong }
        defer { position = end }
        return String(decoding: bytes[position..<end], as: UTF8.self)
    }

    private mutating func value(until mark: String, isText: Bool, trims: Bool) throws(Stop) -> JSONValue {
        let mark = Array(mark.utf8)
        let rest = Array(bytes[position...])
        guard let first = rest.firstStart(of: mark) else { throw .incomplete }
        func part(_ end: Int) -> [UInt8] {
            var part = rest[..<end]
            if trims, part.first == UInt8(ascii: "\n") { part.removeFirst() }
            if trims, part.last == UInt8(ascii: "\n") { part.removeLast() }
            return Array(part)
        }
        let text = JSONValue.string(String(decoding: part(first), as: UTF8.self))
        if !isText {
            // The mark may stand in a text within the value.
            switch Self.end(of: rest, mark: mark) {
            case .some(let end):
                if let value = try? JSONParser.parse(part(end)) {
                    position += end + mark.count
                    return value
                }
            case nil: if !isLast { throw .incomplete }
            }
        }
        position += first + mark.count
        return text
    }

    /// Where a mark stands first outside of texts of JSON; of what is no JSON with texts in it, simply where it is first.
    private static func end(of bytes: [UInt8], mark: [UInt8]) -> Int? {
        let starts = "{[\"".utf8
        guard let first = bytes.first(where: { !$0.isJSONSpace }), starts.contains(first) else {
            return bytes.firstStart(of: mark)
        }
        var isInString = false
        var isEscaped = false
        for (index, byte) in bytes.enumerated() {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = isInString
            } else if byte == UInt8(ascii: "\"") {
                isInString.toggle()
            } else if !isInString, byte == mark[0], bytes[index...].starts(with: mark) {
                return index
            }
        }
        return nil
    }
}
