/// Reads the text of a schema strictly: bounded size and depth, no key twice, no lone surrogates.
struct SchemaReader {
    private var reader: ScalarReader
    private var depth = 0

    static func parse(_ text: String) throws(GrammarError) -> SchemaValue {
        guard text.utf8.count <= GrammarLimits.sourceBytes else {
            throw GrammarError(.limit, "a schema of more than \(GrammarLimits.sourceBytes) bytes")
        }
        var parser = SchemaReader(reader: ScalarReader(text))
        let value = try parser.value()
        guard parser.reader.isAtEnd else { throw parser.error("text after the value") }
        return value
    }

    private init(reader: ScalarReader) { self.reader = reader }

    private func error(_ message: String) -> GrammarError {
        GrammarError(.invalid, "the schema is not JSON, line \(reader.line): \(message)")
    }

    private mutating func skipSpace() {
        while let scalar = reader.current, [0x20, 0x09, 0x0A, 0x0D].contains(scalar) { reader.skip() }
    }

    /// A value and the space around it.
    private mutating func value() throws(GrammarError) -> SchemaValue {
        skipSpace()
        depth += 1
        guard depth <= GrammarLimits.depth else {
            throw GrammarError(.limit, "a schema more than \(GrammarLimits.depth) levels deep")
        }
        let result = try bareValue()
        depth -= 1
        skipSpace()
        return result
    }

    private mutating func bareValue() throws(GrammarError) -> SchemaValue {
        if reader.take("{") { return try object() }
        if reader.take("[") {
            var elements: [SchemaValue] = []
            skipSpace()
            if reader.take("]") { return .array([]) }
            repeat { elements.append(try value()) } while reader.take(",")
            guard reader.take("]") else { throw error("a comma or ] was expected") }
            return .array(elements)
        }
        if reader.isNext("\"") { return .string(try string()) }
        if reader.take("null") { return .null }
        if reader.take("true") { return .bool(true) }
        if reader.take("false") { return .bool(false) }
        return try number()
    }

    private mutating func object() throws(GrammarError) -> SchemaValue {
        var members: [SchemaValue.Member] = []
        var keys: Set<String> = []
        skipSpace()
        if reader.take("}") { return .object([]) }
        repeat {
            skipSpace()
            guard reader.isNext("\"") else { throw error("a key was expected") }
            let key = try string()
            guard keys.insert(key).inserted else { throw error("the key \(key.prefix(64)) occurs twice") }
            skipSpace()
            guard reader.take(":") else { throw error("a colon was expected") }
            members.append(SchemaValue.Member(key: key, value: try value()))
        } while reader.take(",")
        guard reader.take("}") else { throw error("a comma or } was expected") }
        return .object(members)
    }

    private mutating func string() throws(GrammarError) -> String {
        reader.skip()
        var scalars = String.UnicodeScalarView()
        while let scalar = reader.next().flatMap(Unicode.Scalar.init) {
            switch scalar {
            case "\"": return String(scalars)
            case "\\": scalars.append(try escape())
            case ..<" ": throw error("a control character in a string")
            default: scalars.append(scalar)
            }
        }
        throw error("a string that is not closed")
    }

    private mutating func escape() throws(GrammarError) -> Unicode.Scalar {
        switch reader.next().flatMap(Unicode.Scalar.init) {
        case "\"": return "\""
        case "\\": return "\\"
        case "/": return "/"
        case "b": return "\u{08}"
        case "f": return "\u{0C}"
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "u":
            let first = try unit()
            if let scalar = Unicode.Scalar(first) { return scalar }
            guard (0xD800...0xDBFF).contains(first), reader.take("\\u") else { throw error("a lone surrogate") }
            let second = try unit()
            guard (0xDC00...0xDFFF).contains(second),
                let scalar = Unicode.Scalar(0x1_0000 + (first - 0xD800) << 10 + (second - 0xDC00))
            else { throw error("a lone surrogate") }
            return scalar
        default: throw error("an unknown escape")
        }
    }

    private mutating func unit() throws(GrammarError) -> UInt32 {
        var text = ""
        for _ in 0..<4 {
            if let scalar = reader.next().flatMap(Unicode.Scalar.init), scalar.properties.isASCIIHexDigit {
                text.unicodeScalars.append(scalar)
            }
        }
        guard text.count == 4, let value = UInt32(text, radix: 16) else {
            throw error("\\u needs four hexadecimal digits")
        }
        return value
    }

    private mutating func number() throws(GrammarError) -> SchemaValue {
        var text = ""
        func isDigit(_ scalar: UInt32?) -> Bool { scalar.map { (0x30...0x39).contains($0) } ?? false }
        while let scalar = reader.current.flatMap(Unicode.Scalar.init),
            "0123456789+-.eE".unicodeScalars.contains(scalar)
        {
            text.unicodeScalars.append(scalar)
            reader.skip()
        }
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        guard let first = digits.first, first.isNumber, digits.last?.isNumber == true,
            first != "0" || !(digits.dropFirst().first?.isNumber ?? false), !digits.contains(".e"),
            !digits.contains(".E")
        else { throw error("a value was expected") }
        if let value = Int(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw error("the number \(text.prefix(32)) is none") }
        return .number(value)
    }
}
