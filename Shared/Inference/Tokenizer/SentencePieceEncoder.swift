/// SentencePiece's BPE: merges the characters of a text, spaces included, into the tokens of the highest scores.
///
/// There are no words: the whole text is one, with U+2581 for spaces and, where the file wants it, one more space in
/// front of every piece of text (as llama.cpp and the older tokenizers of Hugging Face have it, also behind special tokens).
/// Text is not normalised. Control, unknown, byte and unused tokens are never merged to, as in SentencePiece, so that
/// text cannot forge them; llama.cpp would.
struct SentencePieceEncoder: TextEncoder {
    /// Longer tokens are never merged to: they could make the time for a text quadratic. Real ones have up to 48 bytes.
    private static let maxTokenBytes = 512

    private let addsSpacePrefix: Bool
    /// Normal and user-defined tokens.
    private var table: TokenTable
    /// How early each token of the vocabulary is merged to.
    private let ranks: [UInt32]
    /// The token of every byte; -1 where there is none.
    private var byteTokens = [Int32](repeating: -1, count: 256)
    private let unknown: Int32?

    /// Reads scores and flags of a file.
    ///
    /// - Throws: `InferenceError` naming the key where scores are missing or not one number per token.
    init(_ metadata: GGUFMetadata, vocabulary: Vocabulary) throws {
        addsSpacePrefix = try metadata.optionalBool("tokenizer.ggml.add_space_prefix") ?? true
        unknown =
            try SpecialTokens.token(metadata, "unknown_token_id", vocabulary)
            ?? (vocabulary.type(0) == .unknown ? 0 : nil)
        ranks = try Self.ranks(metadata, vocabulary)
        table = TokenTable(capacity: vocabulary.count)
        addTokens(vocabulary)
    }

    /// Whether decoding takes away a space at the start of a text.
    var stripsLeadingSpace: Bool { addsSpacePrefix }

    private static func ranks(_ metadata: GGUFMetadata, _ vocabulary: Vocabulary) throws -> [UInt32] {
        let key = "tokenizer.ggml.scores"
        let scores = try metadata.numbers(key)
        guard scores.count == vocabulary.count else {
            throw InferenceError(.invalidFile, "\(key): \(scores.count) scores for \(vocabulary.count) tokens")
        }
        if let index = scores.firstIndex(where: \.isNaN) {
            throw InferenceError(.invalidFile, "\(key): the score of token \(index) is not a number")
        }
        return scores.map { rank(Float($0)) }
    }

    /// Maps scores to numbers in the opposite order; both zeros are one.
    private static func rank(_ score: Float) -> UInt32 {
        let bits = (score + 0).bitPattern
        let isNegative = bits & 0x8000_0000 != 0
        return isNegative ? bits : ~(bits | 0x8000_0000)
    }

    private mutating func addTokens(_ vocabulary: Vocabulary) {
        unsafe vocabulary.forEachText { id, text in
            switch vocabulary.type(id) {
            case .normal, .userDefined, .undefined:
                guard (1...Self.maxTokenBytes).contains(text.count) else { return }
                unsafe text.withMemoryRebound(to: UInt8.self) { _ = unsafe table.insert($0, id) }
            case .byte:
                if let byte = unsafe SentencePieceText.byte(text), byteTokens[Int(byte)] < 0 {
                    byteTokens[Int(byte)] = id
                }
            case .control, .unknown, .unused:
                break
            }
        }
    }

    func encode(_ text: UnsafeBufferPointer<UInt8>, into tokens: inout [Int32]) {
        let scanned = unsafe ScannedText(
            SentencePieceText.encode(text, addsSpacePrefix: addsSpacePrefix), isStrict: true)
        var session = MergeSession()
        unsafe scanned.bytes.withUnsafeBufferPointer { bytes in
            let pieces = unsafe Pieces(encoder: self, bytes: bytes, offsets: scanned.offsets)
            // A character that is no token is the complement of its index.
            let characters = (0..<scanned.count).lazy.map { pieces.token($0..<$0 + 1) ?? ~Int32($0) }
            var isAfterUnknown = false
            session.merge(characters, with: pieces) { symbol in
                if symbol < 0 {
                    isAfterUnknown = unsafe appendBytes(pieces.bytes(Int(~symbol)), to: &tokens, isAfterUnknown)
                } else {
                    tokens.append(symbol)
                    isAfterUnknown = false
                }
            }
        }
    }

    /// Appends the byte tokens of a character, or the unknown token where one is missing, one for a run of characters.
    ///
    /// - Returns: whether it was unknown.
    private func appendBytes(
        _ bytes: UnsafeBufferPointer<UInt8>, to tokens: inout [Int32], _ isAfterUnknown: Bool
    ) -> Bool {
        guard unsafe bytes.contains(where: { byteTokens[Int($0)] < 0 }) else {
            for index in bytes.indices { tokens.append(byteTokens[Int(unsafe bytes[index])]) }
            return false
        }
        if let unknown, !isAfterUnknown { tokens.append(unknown) }
        return true
    }

    /// The tokens that ranges of a text's characters are.
    @safe private struct Pieces: PairMerges {
        let encoder: SentencePieceEncoder
        let bytes: UnsafeBufferPointer<UInt8>
        let offsets: [Int]

        func bytes(_ character: Int) -> UnsafeBufferPointer<UInt8> { unsafe bytes(character..<character + 1) }

        func token(_ range: Range<Int>) -> Int32? {
            let bytes = unsafe bytes(range)
            return unsafe bytes.count <= SentencePieceEncoder.maxTokenBytes ? encoder.table.find(bytes) : nil
        }

        func find(_: Int32, _: Int32, _ range: Range<Int>) -> Merge? {
            token(range).map { Merge(rank: encoder.ranks[Int($0)], result: $0) }
        }

        private func bytes(_ range: Range<Int>) -> UnsafeBufferPointer<UInt8> {
            unsafe UnsafeBufferPointer(rebasing: bytes[offsets[range.lowerBound]..<offsets[range.upperBound]])
        }
    }
}
