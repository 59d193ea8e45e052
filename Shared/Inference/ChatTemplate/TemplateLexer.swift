/// A token of a template.
enum TemplateToken: Hashable {
    case text(String)
    case blockStart, blockEnd, outputStart, outputEnd
    case name(String)
    case string(String)
    case int(Int)
    case double(Double)
    case symbol(String)
    case end
}

/// Cuts a template into tokens, with Jinja's `trim_blocks` and `lstrip_blocks` on, as Hugging Face has them: the newline
/// behind a block tag and the blanks before one at the start of a line vanish.
struct TemplateLexer {
    private let source: [UInt8]
    private var index = 0
    private var tokens: [TemplateToken] = []
    /// Text before the next tag loses white space at its start (`-%}`), or one newline (a block tag).
    private var trimsAll = false
    private var trimsNewline = false

    static func tokens(_ source: String) throws -> [TemplateToken] {
        var lexer = Self(source)
        try lexer.run()
        return lexer.tokens
    }

    private init(_ text: String) {
        var bytes: [UInt8] = []
        var previous: UInt8 = 0
        for byte in text.utf8 {
            if byte == 0x0A, previous == 0x0D {
                previous = byte
                continue
            }
            bytes.append(byte == 0x0D ? 0x0A : byte)
            previous = byte
        }
        if bytes.last == 0x0A { bytes.removeLast() }
        source = bytes
    }

    private func byte(_ at: Int) -> UInt8 { at < source.count ? source[at] : 0 }

    private mutating func run() throws {
        while index < source.count {
            let start = index
            while index < source.count, !isTagStart(index) { index += 1 }
            let kind = byte(index + 1)
            appendText(start..<index, before: index < source.count ? kind : 0)
            guard index < source.count else { break }
            index += 2
            if byte(index) == UInt8(ascii: "-") || byte(index) == UInt8(ascii: "+") { index += 1 }
            switch kind {
            case UInt8(ascii: "#"): try skipComment()
            case UInt8(ascii: "%"):
                if let end = block(named: "raw", index) {
                    try rawText(end)
                } else {
                    try tag(.blockStart, .blockEnd, UInt8(ascii: "%"))
                }
            default: try tag(.outputStart, .outputEnd, UInt8(ascii: "}"))
            }
        }
        tokens.append(.end)
    }

    private func isTagStart(_ at: Int) -> Bool {
        source[at] == UInt8(ascii: "{")
            && [UInt8(ascii: "{"), UInt8(ascii: "%"), UInt8(ascii: "#")].contains(byte(at + 1))
    }

    private mutating func appendText(_ range: Range<Int>, before kind: UInt8) {
        var (start, end) = (range.lowerBound, range.upperBound)
        if trimsAll {
            while start < end, Self.isSpace(source[start]) { start += 1 }
        } else if trimsNewline, start < end, source[start] == 0x0A {
            start += 1
        }
        let sign = byte(range.upperBound + 2)
        if kind != 0, sign == UInt8(ascii: "-") {
            while end > start, Self.isSpace(source[end - 1]) { end -= 1 }
        } else if kind == UInt8(ascii: "%") || kind == UInt8(ascii: "#"), sign != UInt8(ascii: "+") {
            var line = end
            while line > start, Self.isSpace(source[line - 1]), source[line - 1] != 0x0A { line -= 1 }
            // Only where nothing but blanks precedes on the line, which may start before this text.
            if line == 0 || source[line - 1] == 0x0A { end = line }
        }
        (trimsAll, trimsNewline) = (false, false)
        if start < end { tokens.append(.text(String(decoding: source[start..<end], as: UTF8.self))) }
    }

    /// Where the tag whose name is expected at `start` ends, and the sign before its end; `nil` for another tag.
    private func block(named name: String, _ start: Int) -> (index: Int, sign: UInt8)? {
        var at = start
        while Self.isSpace(byte(at)) { at += 1 }
        guard source[min(at, source.count)...].starts(with: name.utf8) else { return nil }
        at += name.utf8.count
        while Self.isSpace(byte(at)) { at += 1 }
        let sign = byte(at)
        if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { at += 1 }
        return byte(at) == UInt8(ascii: "%") && byte(at + 1) == UInt8(ascii: "}") ? (at + 2, sign) : nil
    }

    /// The text between `raw` and `endraw`, in which nothing is a tag.
    private mutating func rawText(_ start: (index: Int, sign: UInt8)) throws {
        index = start.index
        trimsAll = start.sign == UInt8(ascii: "-")
        while index < source.count {
            if source[index] == UInt8(ascii: "{"), byte(index + 1) == UInt8(ascii: "%") {
                let isSigned = byte(index + 2) == UInt8(ascii: "-") || byte(index + 2) == UInt8(ascii: "+")
                if let end = block(named: "endraw", index + (isSigned ? 3 : 2)) {
                    appendText(start.index..<index, before: UInt8(ascii: "%"))
                    index = end.index
                    trimsAll = end.sign == UInt8(ascii: "-")
                    trimsNewline = end.sign != UInt8(ascii: "+")
                    return
                }
            }
            index += 1
        }
        throw InferenceError(.template, "a raw block does not end")
    }

    private mutating func skipComment() throws {
        while index < source.count, !(source[index] == UInt8(ascii: "#") && byte(index + 1) == UInt8(ascii: "}")) {
            index += 1
        }
        guard index < source.count else { throw InferenceError(.template, "a comment does not end") }
        trimsAll = source[index - 1] == UInt8(ascii: "-")
        trimsNewline = true
        index += 2
    }

    private mutating func tag(_ open: TemplateToken, _ close: TemplateToken, _ mark: UInt8) throws {
        tokens.append(open)
        var braces = 0
        while true {
            while Self.isSpace(byte(index)) { index += 1 }
            guard index < source.count else { throw InferenceError(.template, "a tag does not end") }
            let sign = byte(index) == UInt8(ascii: "-") || byte(index) == UInt8(ascii: "+") ? 1 : 0
            if braces == 0, byte(index + sign) == mark, byte(index + sign + 1) == UInt8(ascii: "}") {
                trimsAll = byte(index) == UInt8(ascii: "-")
                trimsNewline = mark == UInt8(ascii: "%") && byte(index) != UInt8(ascii: "+")
                index += sign + 2
                tokens.append(close)
                return
            }
            let token = try next()
            if token == .symbol("{") { braces += 1 }
            if token == .symbol("}") { braces -= 1 }
            tokens.append(token)
        }
    }

    private mutating func next() throws -> TemplateToken {
        let first = source[index]
        if first == UInt8(ascii: "'") || first == UInt8(ascii: "\"") { return try quoted(first) }
        let start = index
        if Self.isDigit(first) {
            while Self.isDigit(byte(index)) { index += 1 }
            var isReal = false
            if byte(index) == UInt8(ascii: "."), Self.isDigit(byte(index + 1)) {
                isReal = true
                index += 1
                while Self.isDigit(byte(index)) { index += 1 }
            }
            if byte(index) == UInt8(ascii: "e") || byte(index) == UInt8(ascii: "E") {
                let isSigned = byte(index + 1) == UInt8(ascii: "-") || byte(index + 1) == UInt8(ascii: "+")
                if Self.isDigit(byte(index + (isSigned ? 2 : 1))) {
                    isReal = true
                    index += isSigned ? 2 : 1
                    while Self.isDigit(byte(index)) { index += 1 }
                }
            }
            if isReal, let value = Double(String(decoding: source[start..<index], as: UTF8.self)), value.isFinite {
                return .double(value)
            }
            guard let value = Int(String(decoding: source[start..<index], as: UTF8.self)) else {
                throw InferenceError(.template, "a number is too large")
            }
            return .int(value)
        }
        if Self.isNameStart(first) {
            while Self.isNameStart(byte(index)) || Self.isDigit(byte(index)) { index += 1 }
            return .name(String(decoding: source[start..<index], as: UTF8.self))
        }
        for length in [2, 1] where index + length <= source.count {
            let symbol = String(decoding: source[index..<index + length], as: UTF8.self)
            if Self.symbols.contains(symbol) {
                index += length
                return .symbol(symbol)
            }
        }
        throw InferenceError(.template, "unexpected character with code \(first)")
    }

    private mutating func quoted(_ quote: UInt8) throws -> TemplateToken {
        index += 1
        var bytes: [UInt8] = []
        while index < source.count, source[index] != quote {
            if source[index] == UInt8(ascii: "\\"), index + 1 < source.count {
                index += 1
                switch source[index] {
                case UInt8(ascii: "n"): bytes.append(0x0A)
                case UInt8(ascii: "t"): bytes.append(0x09)
                case UInt8(ascii: "r"): bytes.append(0x0D)
                case UInt8(ascii: "a"): bytes.append(0x07)
                case UInt8(ascii: "b"): bytes.append(0x08)
                case UInt8(ascii: "f"): bytes.append(0x0C)
                case UInt8(ascii: "v"): bytes.append(0x0B)
                case 0x0A: break
                case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): bytes.append(source[index])
                case UInt8(ascii: "u"): try appendEscape(digits: 4, to: &bytes)
                case UInt8(ascii: "x"): try appendEscape(digits: 2, to: &bytes)
                case UInt8(ascii: "U"): try appendEscape(digits: 8, to: &bytes)
                default: bytes += [UInt8(ascii: "\\"), source[index]]
                }
            } else {
                bytes.append(source[index])
            }
            index += 1
        }
        guard index < source.count else { throw InferenceError(.template, "a string does not end") }
        index += 1
        return .string(String(decoding: bytes, as: UTF8.self))
    }

    /// Leaves `index` at the last digit.
    private mutating func appendEscape(digits: Int, to bytes: inout [UInt8]) throws {
        guard index + digits < source.count,
            let value = UInt32(String(decoding: source[index + 1...index + digits], as: UTF8.self), radix: 16),
            let scalar = Unicode.Scalar(value)
        else { throw InferenceError(.template, "a string has a wrong escape sequence") }
        bytes += String(Character(scalar)).utf8
        index += digits
    }

    private static let symbols: Set<String> = [
        "==", "!=", "<=", ">=", "//", "**", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}",
        ",",
        ":", ".", "|",
    ]
    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    private static func isNameStart(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F || byte >= 0x80
    }
}
