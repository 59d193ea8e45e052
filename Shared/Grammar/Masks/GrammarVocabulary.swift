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
}
