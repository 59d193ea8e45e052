/// Marks of the beginnings of a prompt: equal beginnings have equal marks in one process. They only serve estimates;
/// what is reused is decided by who has the tokens.
public struct PromptPrefix: Sendable, Hashable {
    /// Tokens from one mark to the next.
    public static let blockTokens = 32

    /// One for every full block, of everything up to its end.
    let marks: [Int]

    /// Makes the marks of a prompt; those of another salt are others.
    public init(tokens: [Int32] = [], salt: String? = nil) {
        var hasher = Hasher()
        hasher.combine(salt)
        marks = (0..<tokens.count / Self.blockTokens).map { block in
            for token in tokens[block * Self.blockTokens..<(block + 1) * Self.blockTokens] { hasher.combine(token) }
            // A copy is finished, so that the text goes on.
            let copy = hasher
            return copy.finalize()
        }
    }
}

/// The beginnings of prompts that were sent to a replica lately, as an estimate of what its KV cache has.
struct RoutedPrefixes: Sendable {
    private var lastUse: [Int: Int] = [:]
    private var uses = 0

    /// Tokens of a prompt that are probably there; the last token is always computed.
    func cachedTokens(_ prompt: PromptPrefix, of tokens: Int) -> Int {
        let blocks = prompt.marks.prefix { lastUse[$0] != nil }.count
        return min(blocks, max(0, tokens - 1) / PromptPrefix.blockTokens) * PromptPrefix.blockTokens
    }

    /// A prompt goes there; the marks of those that came longest ago are forgotten beyond what the cache can hold.
    mutating func note(_ prompt: PromptPrefix, capacityTokens: Int) {
        uses += 1
        for mark in prompt.marks { lastUse[mark] = uses }
        let most = max(0, capacityTokens) / PromptPrefix.blockTokens
        guard lastUse.count > most + most / 4 else { return }
        let newest = lastUse.sorted { ($0.value, $0.key) > ($1.value, $1.key) }.prefix(most)
        lastUse = Dictionary(uniqueKeysWithValues: newest.map { ($0.key, $0.value) })
    }
}
