import Domain

/// One prompt with what is asked for.
struct ServePrompt: Sendable, Hashable {
    /// A prompt as it is sent.
    enum Content: Sendable, Hashable {
        case tokens([Int32])
        case text(String)
    }

    /// The prompt.
    var content: Content
    /// Its length as far as the client knows it; the server's own count is preferred.
    var inputTokens: Int
    /// Tokens to generate.
    var outputTokens: Int
}

/// Prompts of random tokens, made so that no cache of prompts can serve one from another.
struct RandomPrompts: Sendable, Hashable {
    /// Mean tokens of a prompt behind the common prefix.
    var inputTokens: Int
    /// Mean tokens to generate.
    var outputTokens: Int
    /// Lengths vary by this share in both directions.
    var rangeRatio: Double = 0
    /// Tokens that all prompts begin with.
    var prefixTokens: Int = 0

    /// Words that most vocabularies have as one token each, for servers that do not tell how many token ids there are.
    private static let words = [
        "time", "year", "people", "way", "day", "man", "thing", "woman", "life", "child", "world", "school", "state",
        "family", "group", "country", "problem", "hand", "part", "place", "case", "week", "company", "system",
        "program",
        "question", "work", "number", "night", "point", "home", "water", "room", "mother", "area", "money", "story",
        "fact", "month", "lot", "right", "study", "book", "eye", "job", "word", "business", "issue", "side", "kind",
        "head", "house", "service", "friend", "father", "power", "hour", "game", "line", "end", "member", "law", "car",
        "city",
    ]

    /// Makes prompts.
    ///
    /// - Parameters:
    ///   - count: how many; the first ones are the same whatever the count is.
    ///   - vocabulary: token ids are below; `nil` makes text.
    ///   - seed: decides everything.
    func make(count: Int, vocabulary: Int?, seed: UInt64) -> [ServePrompt] {
        var random = SeededRandom(seed: seed)
        let symbols = vocabulary ?? Self.words.count
        let prefix = (0..<prefixTokens).map { _ in random.index(below: symbols) }
        let offset = random.index(below: symbols)
        return (0..<count).map { number in
            let input = length(about: inputTokens, &random)
            let output = length(about: outputTokens, &random)
            var body = (0..<input).map { _ in random.index(below: symbols) }
            // Counting up in the first token, for text in the first three words, keeps any two prompts apart.
            var rest = offset + number
            for place in 0..<min(vocabulary == nil ? 3 : 1, input) {
                body[place] = rest % symbols
                rest /= symbols
            }
            return ServePrompt(
                content: content(prefix + body, isText: vocabulary == nil), inputTokens: prefix.count + input,
                outputTokens: output)
        }
    }

    private func content(_ symbols: [Int], isText: Bool) -> ServePrompt.Content {
        isText
            ? .text(symbols.map { Self.words[$0] }.joined(separator: " "))
            : .tokens(symbols.map { Int32(truncatingIfNeeded: $0) })
    }

    private func length(about mean: Int, _ random: inout SeededRandom) -> Int {
        guard rangeRatio > 0 else { return mean }
        let least = max(1, Int((Double(mean) * (1 - rangeRatio)).rounded(.down)))
        let most = max(least, Int((Double(mean) * (1 + rangeRatio)).rounded(.up)))
        return least + random.index(below: most - least + 1)
    }
}

extension SeededRandom {
    /// A whole number in `0..<bound`, the same on every platform, unlike those of the standard library.
    mutating func index(below bound: Int) -> Int { Int(next() % UInt64(max(1, bound))) }

    /// A number in `0..<1`.
    mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }
}
