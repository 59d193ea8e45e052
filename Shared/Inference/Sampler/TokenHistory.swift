/// The tokens that a sequence has seen, counted the way the penalties need them.
public struct TokenHistory: Sendable {
    /// Occurrences in the output, 0 for tokens of the prompt that were not generated.
    private(set) var outputCounts: [Int32: Int32] = [:]

    /// Makes a history; `output` holds the tokens that were generated already, where a sequence is continued.
    public init(prompt: [Int32] = [], output: [Int32] = []) {
        for token in prompt { outputCounts[token] = 0 }
        for token in output { append(token) }
    }

    /// Adds a generated token.
    public mutating func append(_ token: Int32) {
        outputCounts[token, default: 0] += 1
    }
}
