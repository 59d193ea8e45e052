/// Guesses how a text goes on: where its last tokens stood before, what followed then may follow again. Source code, tables,
/// and answers that quote their prompt repeat themselves often enough ("prompt lookup decoding", Saxena 2023; a draft from
/// n-grams as in LLMA, Yang et al. 2023, arXiv:2304.04487). No second model, no memory but the text.
public struct NGramDrafter: Sendable {
    /// Lengths of the contexts that are looked up, longest first.
    static let lengths = [4, 3, 2]

    private var tokens: [Int32]
    /// Where the tokens after a context begin, by the hash of context and length: the last time, and the time before it, since the
    /// last time may be the end of the text itself.
    private var places: [UInt64: (last: Int32, before: Int32)] = [:]

    /// Makes a drafter for a text.
    public init(_ tokens: [Int32]) {
        self.tokens = []
        self.tokens.reserveCapacity(tokens.count + 64)
        places.reserveCapacity(tokens.count * Self.lengths.count)
        for token in tokens { append(token) }
    }

    /// Tokens of the text.
    public var count: Int { tokens.count }

    /// The text goes on.
    public mutating func append(_ token: Int32) {
        tokens.append(token)
        for length in Self.lengths where tokens.count >= length {
            let end = Int32(clamping: tokens.count)
            let before = places[key(length)]?.last ?? -1
            places[key(length)] = (end, before)
        }
    }

    /// What may follow the text, `limit` tokens at most; none where its end has not stood there before.
    public func draft(_ limit: Int) -> [Int32] {
        guard limit > 0 else { return [] }
        for length in Self.lengths where tokens.count > length {
            guard let found = places[key(length)], found.before > 0 else { continue }
            let start = Int(found.before)
            // Different contexts may have the same hash.
            guard start < tokens.count, tokens[(start - length)..<start].elementsEqual(tokens.suffix(length)) else {
                continue
            }
            return continuation(from: start, limit)
        }
        return []
    }

    /// The tokens from `start` on. A text that repeats itself goes on over its own end.
    private func continuation(from start: Int, _ limit: Int) -> [Int32] {
        let period = tokens.count - start
        return (0..<limit).map { tokens[start + $0 % period] }
    }

    /// Hash of the last `length` tokens (FNV-1a).
    private func key(_ length: Int) -> UInt64 {
        var hash: UInt64 = 14_695_981_039_346_656_037 &+ UInt64(length)
        for token in tokens.suffix(length) {
            hash = (hash ^ UInt64(UInt32(bitPattern: token))) &* 1_099_511_628_211
        }
        return hash
    }
}
