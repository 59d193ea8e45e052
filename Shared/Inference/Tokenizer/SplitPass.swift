/// One pass of a pre-tokenizer; ranges count code points.
enum SplitPass: Sendable {
    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    case gpt2
    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|`
    /// `\s*[\r\n]+|\s+(?!\S)|\s+`
    case llama(digits: Int)
    /// Every `\p{N}` by itself.
    case singleNumbers
    /// `\p{N}+`
    case numberRuns
    /// `[0-9][0-9][0-9]`
    case digitTriples
    /// ``[\p{P}\$\+<=>\^~\|`]+`` without the backtick, as llama.cpp's `default` has it.
    case punctuationRuns

    /// Calls `body` with the parts of a range, in order.
    func split(_ text: ScannedText, _ range: Range<Int>, _ body: (Range<Int>) -> Void) {
        switch self {
        case .gpt2: Self.scan(range, body) { GPT2Scanner(text: text, end: range.upperBound).wordEnd($0) }
        case .llama(let digits):
            Self.scan(range, body) { LlamaScanner(text: text, end: range.upperBound, digits: digits).wordEnd($0) }
        case .singleNumbers:
            Self.runs(range, body, longest: 1) { text.classes[$0] == ScalarClass.number }
        case .numberRuns:
            Self.runs(range, body) { text.classes[$0] == ScalarClass.number }
        case .digitTriples:
            Self.triples(text, range, body)
        case .punctuationRuns:
            Self.runs(range, body) { index in
                text.classes[index] == ScalarClass.punctuation || Self.symbols.contains(text.scalars[index])
            }
        }
    }

    private static let symbols = Set("$+<=>^~|".unicodeScalars.map(\.value))

    private static func scan(_ range: Range<Int>, _ body: (Range<Int>) -> Void, _ wordEnd: (Int) -> Int) {
        var index = range.lowerBound
        while index < range.upperBound {
            let end = wordEnd(index)
            body(index..<end)
            index = end
        }
    }

    /// Alternates between runs of at most `longest` members and the gaps between them.
    private static func runs(
        _ range: Range<Int>, _ body: (Range<Int>) -> Void, longest: Int = .max, _ isMember: (Int) -> Bool
    ) {
        var index = range.lowerBound
        while index < range.upperBound {
            let start = index
            let member = isMember(index)
            index += 1
            while index < range.upperBound, isMember(index) == member, !member || index - start < longest { index += 1 }
            body(start..<index)
        }
    }

    private static func triples(_ text: ScannedText, _ range: Range<Int>, _ body: (Range<Int>) -> Void) {
        let digits = UInt32(0x30)...0x39
        var start = range.lowerBound
        var index = start
        while index < range.upperBound {
            if index + 3 <= range.upperBound, (index..<index + 3).allSatisfy({ digits.contains(text.scalars[$0]) }) {
                if start < index { body(start..<index) }
                body(index..<index + 3)
                index += 3
                start = index
            } else {
                index += 1
            }
        }
        if start < index { body(start..<index) }
    }
}
