/// Turns text into a model's tokens and back. Immutable, so that threads can share it.
public final class Tokenizer: Sendable {
    private let vocabulary: Vocabulary
    private let special: SpecialTokens
    private let encoder: any TextEncoder
    private let matcher: SpecialTokenMatcher
    private let ends: Set<Int32>
    /// Whether encoding put a space before the text, which decoding takes away.
    private let stripsLeadingSpace: Bool

    /// Reads the vocabulary of a file, which need not hold anything else.
    ///
    /// - Throws: `InferenceError` naming the key where the vocabulary is damaged or of a kind that is not supported.
    public init(gguf: GGUFFile) throws {
        let metadata = gguf.metadata
        let modelKey = "tokenizer.ggml.model"
        switch try metadata.string(modelKey) {
        case "gpt2":
            let preTokenizer = try Self.preTokenizer(metadata)
            vocabulary = try Vocabulary(metadata, spelling: .byteAlphabet)
            special = try SpecialTokens(metadata, vocabulary: vocabulary, addsBegin: preTokenizer.addsBeginOfText)
            encoder = BytePairEncoder(
                vocabulary: vocabulary, mergeList: try metadata.array("tokenizer.ggml.merges", of: .string),
                preTokenizer: preTokenizer)
            stripsLeadingSpace = false
        case "llama":
            vocabulary = try Vocabulary(metadata, spelling: .sentencePiece)
            special = try SpecialTokens(metadata, vocabulary: vocabulary, addsBegin: true, usual: (begin: 1, end: 2))
            let encoder = try SentencePieceEncoder(metadata, vocabulary: vocabulary)
            stripsLeadingSpace = encoder.stripsLeadingSpace
            self.encoder = encoder
        case let model:
            throw InferenceError(.unsupported, "\(modelKey): \"\(model)\" is not supported (gpt2 and llama are)")
        }
        matcher = SpecialTokenMatcher(vocabulary)
        ends = Set(special.endOfGeneration)
    }

    private static func preTokenizer(_ metadata: GGUFMetadata) throws -> PreTokenizer {
        let key = "tokenizer.ggml.pre"
        let name = try metadata.optionalString(key) ?? "default"
        guard let preTokenizer = PreTokenizer(name: name) else {
            throw InferenceError(.unsupported, "\(key): the pre-tokenizer \"\(name)\" is not supported")
        }
        return preTokenizer
    }

    /// Number of tokens.
    public var vocabularySize: Int { vocabulary.count }
    /// The token that begins a text, where the model has one.
    public var bosToken: Int32? { special.begin }
    /// The token that ends a text, where the model has one.
    public var eosToken: Int32? { special.end }
    /// Whether `addSpecial` adds the BOS token.
    public var addsBosToken: Bool { special.addsBegin && special.begin != nil }
    /// Whether `addSpecial` adds the EOS token.
    public var addsEosToken: Bool { special.addsEnd && special.end != nil }
    /// The tokens that end a generation, in order: end of text, of turn, of message.
    public var endOfGenerationTokens: [Int32] { special.endOfGeneration }

    /// Whether a token ends a generation.
    public func isEndOfGeneration(_ token: Int32) -> Bool { ends.contains(token) }

    /// Whether a token steers the model and is no text.
    public func isControl(_ token: Int32) -> Bool { isToken(token) && vocabulary.type(token).isControl }

    /// The bytes of a token, possibly part of a code point; the name of a control token; empty for what is no token.
    public func piece(_ token: Int32) -> [UInt8] { isToken(token) ? Array(vocabulary.piece(token)) : [] }

    /// The text of tokens as a whole; what is not UTF-8 is replaced. The space that a SentencePiece vocabulary puts before
    /// a text is taken away again; to tokens that continue a text it belongs: see `StreamingDetokenizer` and `piece`.
    public func decode(_ tokens: some Sequence<Int32>, skipSpecial: Bool) -> String {
        var bytes: [UInt8] = []
        for token in tokens where isToken(token) && !(skipSpecial && isControl(token)) {
            bytes += vocabulary.piece(token)
        }
        let start = stripsLeadingSpace && bytes.first == 0x20 ? 1 : 0
        return String(decoding: bytes[start...], as: UTF8.self)
    }

    /// The tokens of a text.
    ///
    /// - Parameters:
    ///   - addSpecial: add BOS and EOS tokens where the model wants them.
    ///   - parseSpecial: read the text of control tokens as those tokens; otherwise it is ordinary text.
    public func encode(_ text: String, addSpecial: Bool, parseSpecial: Bool) -> [Int32] {
        encode(bytes: Array(text.utf8), addSpecial: addSpecial, parseSpecial: parseSpecial)
    }

    /// The tokens of a text that need not be UTF-8: each byte that is not becomes U+FFFD.
    public func encode(bytes: [UInt8], addSpecial: Bool, parseSpecial: Bool) -> [Int32] {
        var tokens: [Int32] = []
        if addSpecial, special.addsBegin, let begin = special.begin { tokens.append(begin) }
        append(bytes, to: &tokens) { _ in parseSpecial }
        if addSpecial, special.addsEnd, let end = special.end { tokens.append(end) }
        return tokens
    }

    /// The tokens of a rendered chat: control tokens are read in the template's own text only, so that a message
    /// cannot forge them; apart from that, the text is split as if it were one string. A BOS token that the template
    /// writes itself is not added again.
    public func encode(segments: [TemplateSegment], addSpecial: Bool) -> [Int32] {
        var bytes: [UInt8] = []
        var isTemplateText: [Bool] = []
        for segment in segments {
            bytes += segment.text.utf8
            isTemplateText += repeatElement(segment.isTemplateText, count: bytes.count - isTemplateText.count)
        }
        var tokens: [Int32] = []
        append(bytes, to: &tokens) { isTemplateText[$0].allSatisfy { $0 } }
        if addSpecial, special.addsBegin, let begin = special.begin, tokens.first != begin {
            tokens.insert(begin, at: 0)
        }
        return tokens
    }

    private func isToken(_ token: Int32) -> Bool { token >= 0 && token < vocabulary.count }

    /// User-defined tokens are found in every text; control tokens only where they are allowed.
    private func append(_ bytes: [UInt8], to tokens: inout [Int32], allowsControl: (Range<Int>) -> Bool) {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe matcher.split(
                buffer, accept: { token, range in !isControl(token) || allowsControl(range) },
                text: { unsafe encoder.encode($0, into: &tokens) }, token: { tokens.append($0) })
        }
    }
}
