/// The tokens that may come next, one bit per token of the vocabulary.
public struct TokenMask: Sendable, Hashable {
    /// Bit `t % 64` of word `t / 64` is token `t`.
    public internal(set) var words: [UInt64]
    /// How many tokens the vocabulary has.
    public let tokenCount: Int

    init(tokenCount: Int) {
        self.tokenCount = tokenCount
        words = [UInt64](repeating: 0, count: (tokenCount + 63) / 64)
    }

    /// Whether a token is allowed.
    public func contains(_ token: Int32) -> Bool {
        token >= 0 && token < tokenCount && words[Int(token) >> 6] >> UInt64(token & 63) & 1 == 1
    }

    /// How many tokens are allowed.
    public var allowedCount: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    /// Whether no token is allowed: nothing that the vocabulary can spell goes on from here.
    public var isEmpty: Bool { words.allSatisfy { $0 == 0 } }

    /// The allowed tokens, in ascending order.
    public var tokens: [Int32] {
        var result: [Int32] = []
        for (index, word) in words.enumerated() {
            var rest = word
            while rest != 0 {
                result.append(Int32(index * 64 + rest.trailingZeroBitCount))
                rest &= rest - 1
            }
        }
        return result
    }

    /// Sets the logits of all other tokens to `-infinity`.
    ///
    /// - Parameter logits: One value per token; values beyond the vocabulary are set as well.
    public func apply(to logits: inout MutableSpan<Float>) {
        for index in words.indices {
            let word = words[index]
            let start = index * 64
            let end = min(start + 64, logits.count)
            if word == .max || start >= end { continue }
            for token in start..<end where word >> UInt64(token - start) & 1 == 0 { logits[token] = -.infinity }
        }
        if words.count * 64 < logits.count {
            for token in words.count * 64..<logits.count { logits[token] = -.infinity }
        }
    }

    mutating func insert(_ token: Int32) { words[Int(token) >> 6] |= 1 << UInt64(token & 63) }

    mutating func remove(_ token: Int32) { words[Int(token) >> 6] &= ~(1 << UInt64(token & 63)) }

    mutating func insert(_ tokens: [Int32]) {
        for token in tokens { insert(token) }
    }

    mutating func formUnion(_ other: [UInt64]) {
        for index in words.indices { words[index] |= other[index] }
    }
}
