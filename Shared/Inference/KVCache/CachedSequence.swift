/// The block table of one sequence and how far it is filled.
struct CachedSequence {
    /// Blocks in order of positions.
    var blocks: [Int32]
    /// Positions `0..<length` are present in every layer of the stage, but for those before the window of layers
    /// that have one.
    var length = 0
    /// What was imported per layer beyond `length`, where transfers of different layers advance differently; empty
    /// outside a transfer.
    var imported: [RangeSet<Int>] = []
    /// Blocks at its start that other sequences computed. They are full, so they are only read.
    var shared = 0
    /// The name of the block after these; `nil` where its blocks have no names.
    var nextName: UInt64?

    /// Notes imported positions of some layers (counted from the stage's first layer) and moves `length` as far as every
    /// layer has come: from position 0, or with its window (`windows`, one entry a layer) if it has one.
    mutating func noteImport(layers: Range<Int>, windows: [Int?], positions: Range<Int>) {
        if imported.isEmpty {
            imported = Array(repeating: RangeSet(0..<length), count: windows.count)
        }
        for layer in layers { imported[layer].insert(contentsOf: positions) }
        settle(windows: windows)
    }

    /// Its first positions are present in every layer: they are those of blocks that other sequences computed.
    mutating func noteShared(_ positions: Int, windows: [Int?]) {
        length = max(length, positions)
        guard !imported.isEmpty else { return }
        for layer in imported.indices { imported[layer].insert(contentsOf: 0..<positions) }
        settle(windows: windows)
    }

    /// Moves `length` as far as every layer has come.
    private mutating func settle(windows: [Int?]) {
        let complete = zip(imported, windows).reduce(Int.max) { min($0, Self.end($1.0, window: $1.1)) }
        let isWhole = zip(imported, windows).allSatisfy { ranges, window in
            let first = window.map { max(0, complete - $0) } ?? 0
            return ranges.ranges.contains { $0.lowerBound <= first && $0.upperBound >= complete }
        }
        if isWhole { length = max(length, complete) }
        let furthest = imported.reduce(0) { max($0, $1.ranges.last?.upperBound ?? 0) }
        if furthest == length { imported = [] }
    }

    /// How far a layer has come at most.
    private static func end(_ ranges: RangeSet<Int>, window: Int?) -> Int {
        if window != nil { return ranges.ranges.last?.upperBound ?? 0 }
        guard let first = ranges.ranges.first, first.lowerBound == 0 else { return 0 }
        return first.upperBound
    }
}
