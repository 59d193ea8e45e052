/// What the tokens of a model stand for, arranged for masks: made once per model, and used for every grammar.
public final class GrammarVocabulary: Sendable {
    /// How many tokens there are; logits have as many values.
    public let count: Int
    /// Tokens with which an output ends.
    public let endTokens: [Int32]
    let trie: TokenTrie
    private let storage: [UInt8]
    private let offsets: [Int32]

    /// Arranges a vocabulary.
    ///
    /// - Parameters:
    ///   - tokens: The bytes of every token, by id. Tokens without bytes are never allowed.
    ///   - special: Tokens that are never part of a text.
    ///   - end: Tokens with which an output ends; allowed where the text may end, whatever their bytes are.
    public init(tokens: [[UInt8]], special: Set<Int32>, end: Set<Int32>) {
        count = tokens.count
        endTokens = end.filter { $0 >= 0 && $0 < tokens.count }.sorted()
        trie = TokenTrie(tokens, without: special.union(end))
        var offsets: [Int32] = [0]
        for token in tokens { offsets.append(offsets[offsets.count - 1] + Int32(token.count)) }
        self.offsets = offsets
        storage = Array(tokens.joined())
    }

    /// The bytes of a token; none for a number that is no token.
    public func bytes(of token: Int32) -> ArraySlice<UInt8> {
        guard token >= 0, token < count else { return [] }
        return storage[Int(offsets[Int(token)])..<Int(offsets[Int(token) + 1])]
    }

    /// The bytes by which a format knows a control token: no text has the first of them, so that nothing else than the token itself
    /// gives them.
    static func controlBytes(_ name: String) -> [UInt8] { [0xFF] + name.utf8 }

    /// Arranges the vocabulary of a model.
    ///
    /// - Parameters:
    ///   - count: How many tokens there are.
    ///   - end: Tokens with which an output ends.
    ///   - isControl: Whether a token is no text; formats can ask for it by its name.
    ///   - piece: The bytes of a token, or the name of a control token.
    public convenience init(
        count: Int, end: Set<Int32>, isControl: (Int32) -> Bool, piece: (Int32) -> [UInt8]
    ) {
        var tokens: [[UInt8]] = []
        var special: Set<Int32> = []
        tokens.reserveCapacity(count)
        for token in 0..<Int32(clamping: count) {
            let bytes = piece(token)
            if isControl(token) {
                tokens.append([0xFF] + bytes)
            } else {
                // Bytes that no text has could be taken for the beginning of a control token.
                if bytes.contains(0xFF) { special.insert(token) }
                tokens.append(bytes)
            }
        }
        self.init(tokens: tokens, special: special, end: end)
    }
}
