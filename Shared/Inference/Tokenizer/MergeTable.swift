/// Finds merges by pair: open addressing, filled once, with a hash seeded at random.
struct MergeTable: PairMerges, Sendable {
    private var keys: [UInt64]
    private var values: [Merge]
    private let multiplier: UInt64
    private static let empty = UInt64.max

    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        keys = [UInt64](repeating: Self.empty, count: size)
        values = [Merge](repeating: Merge(rank: 0, result: 0), count: size)
        multiplier = UInt64.random(in: .min ... .max) | 1
    }

    /// The merge of two symbols (not negative).
    func find(_ left: Int32, _ right: Int32, _: Range<Int>) -> Merge? {
        let place = slot(Self.key(left, right))
        return keys[place] == Self.empty ? nil : values[place]
    }

    /// Adds a merge; of two merges of one pair the first one counts. At most `capacity` may be added.
    mutating func insert(_ left: Int32, _ right: Int32, _ merge: Merge) {
        let key = Self.key(left, right)
        let place = slot(key)
        guard keys[place] == Self.empty else { return }
        keys[place] = key
        values[place] = merge
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    private func slot(_ key: UInt64) -> Int {
        let mask = keys.count - 1
        var place = Int(truncatingIfNeeded: ((key ^ key >> 32) &* multiplier) >> 24) & mask
        while keys[place] != key, keys[place] != Self.empty { place = (place + 1) & mask }
        return place
    }
}
