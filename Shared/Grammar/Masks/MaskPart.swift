/// Some tokens of a vocabulary: a list where they are few, one bit per token where they are many.
struct TokenList {
    private var few: [Int32] = []
    private var many: [UInt64] = []

    init(_ tokens: [Int32], tokenCount: Int) {
        if tokens.count * 32 <= tokenCount {
            few = tokens
        } else {
            var mask = TokenMask(tokenCount: tokenCount)
            mask.insert(tokens)
            many = mask.words
        }
    }

    var areMany: Bool { !many.isEmpty }

    /// Another list with some tokens taken out and others put in.
    init(_ base: TokenList, removing: ArraySlice<Int32>, adding: [Int32], tokenCount: Int) {
        var mask = TokenMask(tokenCount: tokenCount)
        base.add(to: &mask)
        for token in removing { mask.remove(token) }
        mask.insert(adding)
        if mask.allowedCount * 32 <= tokenCount { few = mask.tokens } else { many = mask.words }
    }

    var byteCount: Int { few.count * 4 + many.count * 8 }

    func add(to mask: inout TokenMask) {
        if !many.isEmpty { mask.formUnion(many) }
        mask.insert(few)
    }
}

/// The part of a mask that does not depend on the frames below the current rule.
struct MaskPart {
    /// Tokens that do not end the rule.
    let allowed: TokenList
    /// Tokens that end the rule with their last byte.
    let last: TokenList
    /// Nodes of the trie at which the rule ends, and below which there are more tokens.
    let exits: [Int32]

    var byteCount: Int { allowed.byteCount + last.byteCount + exits.count * 4 + 128 }
}

/// Values by the number of a set; the longest unused ones go when there are too many bytes of them.
struct MaskCache<Value> {
    private struct Entry {
        var value: Value
        var bytes: Int
        var lastUse: Int
    }

    private var entries: [Int32: Entry] = [:]
    private(set) var byteCount = 0
    private var clock = 0

    subscript(key: Int32) -> Value? {
        mutating get {
            clock += 1
            guard let index = entries.index(forKey: key) else { return nil }
            entries.values[index].lastUse = clock
            return entries.values[index].value
        }
    }

    mutating func insert(_ value: Value, for key: Int32, bytes: Int, limit: Int) {
        clock += 1
        if byteCount + bytes > limit { dropOldest() }
        if let old = entries.updateValue(Entry(value: value, bytes: bytes, lastUse: clock), forKey: key) {
            byteCount -= old.bytes
        }
        byteCount += bytes
    }

    /// Drops the half that was not used for the longest time: cheap per entry, as it is rarely done.
    private mutating func dropOldest() {
        let uses = entries.values.map(\.lastUse).sorted()
        guard !uses.isEmpty else { return }
        let middle = uses[uses.count / 2]
        entries = entries.filter { $0.value.lastUse > middle }
        byteCount = entries.values.reduce(0) { $0 + $1.bytes }
    }
}
