/// Turns tokens into text as they come; holds back the bytes of a code point that is not complete yet.
///
/// The tokens continue a text, such as a prompt: a space at their start belongs to them and stays.
public struct StreamingDetokenizer: Sendable {
    private let tokenizer: Tokenizer
    private let skipSpecial: Bool
    private let shown: Set<Int32>
    /// The start of a code point: at most three bytes.
    private var pending: [UInt8] = []

    /// - Parameters:
    ///   - skipSpecial: leave control tokens out; otherwise their names are part of the text.
    ///   - shown: control tokens whose names are part of the text all the same.
    public init(tokenizer: Tokenizer, skipSpecial: Bool, showing shown: Set<Int32> = []) {
        self.tokenizer = tokenizer
        self.shown = shown
        self.skipSpecial = skipSpecial
    }

    /// The text that is complete with this token; bytes that can be no text become U+FFFD.
    public mutating func append(_ token: Int32) -> String {
        if skipSpecial, tokenizer.isControl(token), !shown.contains(token) { return "" }
        pending += tokenizer.piece(token)
        let complete = pending.count - Self.incompleteSuffix(pending)
        defer { pending.removeFirst(complete) }
        return String(decoding: pending[..<complete], as: UTF8.self)
    }

    /// The rest: U+FFFD where a code point was left incomplete. The value is as new afterwards.
    public mutating func finish() -> String {
        defer { pending.removeAll() }
        return String(decoding: pending, as: UTF8.self)
    }

    /// How many bytes at the end may become a code point with more bytes to come.
    private static func incompleteSuffix(_ bytes: [UInt8]) -> Int {
        for length in 1...3 where length <= bytes.count {
            let start = bytes.count - length
            let lead = bytes[start]
            if lead & 0xC0 == 0x80 { continue }
            guard length < expectedLength(lead) else { return 0 }
            return length == 1 || isPossible(lead, second: bytes[start + 1]) ? length : 0
        }
        return 0
    }

    private static func expectedLength(_ lead: UInt8) -> Int {
        switch lead {
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 1
        }
    }

    /// Not overlong, no surrogate, not beyond U+10FFFF.
    private static func isPossible(_ lead: UInt8, second: UInt8) -> Bool {
        switch lead {
        case 0xE0: second >= 0xA0
        case 0xED: second < 0xA0
        case 0xF0: second >= 0x90
        case 0xF4: second < 0x90
        default: true
        }
    }
}
