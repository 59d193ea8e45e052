/// The part of a mask that does not depend on the frames below the current rule.
struct MaskPart {
    /// Allowed tokens, where they are few.
    private var few: [Int32] = []
    /// Allowed tokens as a bit set, where they are many.
    private var many: [UInt64] = []
    /// Nodes of the trie at which the rule ends.
    let exits: [Int32]

    init(_ allowed: [Int32], exits: [Int32], tokenCount: Int) {
        self.exits = exits
        if allowed.count * 32 <= tokenCount {
            few = allowed
        } else {
            var mask = TokenMask(tokenCount: tokenCount)
            for token in allowed { mask.insert(token) }
            many = mask.words
        }
    }

    var byteCount: Int { (few.count + exits.count) * 4 + many.count * 8 + 128 }

    func add(to mask: inout TokenMask) {
        if !many.isEmpty { mask.formUnion(many) }
        for token in few { mask.insert(token) }
    }
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
