/// Merges the symbols of one word; keeps its buffers for the next one.
///
/// The pair of the lowest rank merges first, the leftmost of equals. Short words look for it by walking over the pairs;
/// long ones keep a heap, so that a word of a million letters takes n log n steps.
struct MergeSession {
    private static let none = UInt32.max
    private static let longWord = 48

    private var symbols: [Int32] = []
    /// Links between the symbols that are left; -1 at the ends.
    private var next: [Int32] = []
    private var previous: [Int32] = []
    /// Rank of the merge of each symbol with the next one, or `none`.
    private var ranks: [UInt32] = []
    private var results: [Int32] = []
    /// Rank and position in one number, so that the order of numbers is the order of merges.
    private var heap = MinHeap()

    /// Calls `emit` with the symbols that are left in the end, in order.
    mutating func merge(_ word: some Sequence<Int32>, with merges: some PairMerges, emit: (Int32) -> Void) {
        load(word)
        let isLong = symbols.count > Self.longWord
        heap.removeAll()
        for position in symbols.indices { rate(position, merges, isLong) }
        while let position = isLong ? heapMinimum() : scanMinimum() { apply(position, merges, isLong) }
        var position = symbols.isEmpty ? -1 : 0
        while position >= 0 {
            emit(symbols[position])
            position = Int(next[position])
        }
    }

    private mutating func load(_ word: some Sequence<Int32>) {
        symbols.removeAll(keepingCapacity: true)
        symbols.append(contentsOf: word)
        let count = symbols.count
        next.removeAll(keepingCapacity: true)
        previous.removeAll(keepingCapacity: true)
        for index in 0..<count {
            next.append(index + 1 == count ? -1 : Int32(index + 1))
            previous.append(Int32(index - 1))
        }
        ranks.removeAll(keepingCapacity: true)
        ranks.append(contentsOf: repeatElement(Self.none, count: count))
        results.removeAll(keepingCapacity: true)
        results.append(contentsOf: repeatElement(0, count: count))
    }

    private mutating func rate(_ position: Int, _ merges: some PairMerges, _ isLong: Bool) {
        ranks[position] = Self.none
        let right = Int(next[position])
        guard right >= 0 else { return }
        let range = position..<(next[right] >= 0 ? Int(next[right]) : symbols.count)
        guard let merge = merges.find(symbols[position], symbols[right], range) else { return }
        ranks[position] = merge.rank
        results[position] = merge.result
        if isLong { heap.insert(UInt64(merge.rank) << 32 | UInt64(position)) }
    }

    private mutating func apply(_ position: Int, _ merges: some PairMerges, _ isLong: Bool) {
        let right = Int(next[position])
        symbols[position] = results[position]
        next[position] = next[right]
        if next[right] >= 0 { previous[Int(next[right])] = Int32(position) }
        ranks[right] = Self.none
        rate(position, merges, isLong)
        if previous[position] >= 0 { rate(Int(previous[position]), merges, isLong) }
    }

    private func scanMinimum() -> Int? {
        var best = Self.none
        var found: Int?
        var position = symbols.isEmpty ? -1 : 0
        while position >= 0 {
            if ranks[position] < best { (best, found) = (ranks[position], position) }
            position = Int(next[position])
        }
        return found
    }

    /// Entries whose position has another rank by now are stale.
    private mutating func heapMinimum() -> Int? {
        while let entry = heap.popMinimum() {
            let position = Int(entry & 0xFFFF_FFFF)
            if ranks[position] == UInt32(entry >> 32) { return position }
        }
        return nil
    }
}
