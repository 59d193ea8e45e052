/// How a vocabulary writes the bytes of ordinary tokens.
enum TokenSpelling: Sendable {
    /// In the byte alphabet of byte-level BPE.
    case byteAlphabet
    /// As text with U+2581 for a space; byte tokens as `<0x0A>`.
    case sentencePiece
}

/// The tokens of a model: their texts, their types and what they decode to.
struct Vocabulary: Sendable {
    private static let tokensKey = "tokenizer.ggml.tokens"
    private static let typesKey = "tokenizer.ggml.token_type"
    private static let maxTokens = 1 << 24

    private let texts: GGUFArray
    private var types: [TokenType]
    /// What the tokens decode to, one after the other.
    private var pieces: [UInt8] = []
    private var pieceEnds: [Int] = []

    /// Reads the vocabulary of a file.
    init(_ metadata: GGUFMetadata, spelling: TokenSpelling) throws {
        texts = try metadata.array(Self.tokensKey, of: .string)
        guard (1...Self.maxTokens).contains(texts.count) else {
            throw InferenceError(
                .invalidFile, "\(Self.tokensKey): \(texts.count) tokens are not in 1...\(Self.maxTokens)")
        }
        if metadata[Self.typesKey] == nil {
            types = [TokenType](repeating: .normal, count: texts.count)
        } else {
            types = try metadata.integers(Self.typesKey).map(TokenType.init(number:))
        }
        guard types.count == texts.count else {
            throw InferenceError(.invalidFile, "\(Self.typesKey): \(types.count) types for \(texts.count) tokens")
        }
        markControlTokens()
        fillPieces(spelling)
    }

    var count: Int { types.count }

    /// The type of a token in range.
    func type(_ id: Int32) -> TokenType { types[Int(id)] }

    /// The bytes that a token in range stands for.
    func piece(_ id: Int32) -> ArraySlice<UInt8> {
        pieces[(id == 0 ? 0 : pieceEnds[Int(id) - 1])..<pieceEnds[Int(id)]]
    }

    /// Calls `body` with the text of every token, as the file has it.
    func forEachText(_ body: (Int32, UnsafeRawBufferPointer) -> Void) {
        unsafe texts.forEachString { unsafe body(Int32($0), $1) }
    }

    /// The control token of a name.
    func controlToken(_ name: String) -> Int32? {
        var found: Int32?
        let bytes = Array(name.utf8)
        unsafe forEachText { id, text in
            if type(id) == .control, text.count == bytes.count, unsafe text.elementsEqual(bytes) { found = id }
        }
        return found
    }

    /// Calls `body` with the bytes of every token that is written in the byte alphabet.
    func forEachByteString(_ body: (Int32, [UInt8]) -> Void) {
        var bytes: [UInt8] = []
        unsafe forEachText { id, text in
            bytes.removeAll(keepingCapacity: true)
            if unsafe ByteAlphabet.decode(text, into: &bytes), !bytes.isEmpty { body(id, bytes) }
        }
    }

    /// Files say of some control tokens, such as those for filling in the middle, that they are user-defined. Tokens that
    /// are part of ordinary text stay that: a vocabulary may well hold the word `</s>`.
    private mutating func markControlTokens() {
        var marked: [Int] = []
        unsafe texts.forEachString { index, text in
            guard types[index] == .userDefined, text.count <= KnownTokens.maxBytes, let first = unsafe text.first,
                KnownTokens.firstBytes.contains(first)
            else { return }
            if unsafe KnownTokens.control.contains(String(decoding: text, as: UTF8.self)) { marked.append(index) }
        }
        for index in marked { types[index] = .control }
    }

    private mutating func fillPieces(_ spelling: TokenSpelling) {
        pieceEnds.reserveCapacity(count)
        unsafe texts.forEachString { index, text in
            switch types[index] {
            case .control, .unknown:
                unsafe pieces.append(contentsOf: text)
            case .userDefined where spelling == .byteAlphabet:
                unsafe pieces.append(contentsOf: text)
            case .normal, .undefined, .byte, .userDefined:
                switch spelling {
                case .byteAlphabet: unsafe appendAlphabetText(text)
                case .sentencePiece: unsafe SentencePieceText.decode(text, isByte: types[index] == .byte, into: &pieces)
                }
            case .unused:
                break
            }
            pieceEnds.append(pieces.count)
        }
    }

    private mutating func appendAlphabetText(_ text: UnsafeRawBufferPointer) {
        let start = pieces.count
        if unsafe ByteAlphabet.decode(text, into: &pieces) { return }
        pieces.removeSubrange(start...)
        unsafe pieces.append(contentsOf: text)
    }
}
