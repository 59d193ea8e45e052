/// The block table of one sequence and how far it is filled.
struct CachedSequence {
    /// Blocks in order of positions.
    var blocks: [Int32]
    /// Positions `0..<length` are present in every layer of the stage.
    var length = 0
    /// What was imported per layer beyond `length`, where transfers of different layers advance differently; empty
    /// outside a transfer.
    var imported: [RangeSet<Int>] = []

    /// Notes imported positions of some layers (counted from the stage's first layer) and moves `length` as far as every
    /// layer has come.
    mutating func noteImport(layers: Range<Int>, of layerCount: Int, positions: Range<Int>) {
        if imported.isEmpty {
            imported = Array(repeating: RangeSet(0..<length), count: layerCount)
        }
        for layer in layers { imported[layer].insert(contentsOf: positions) }
        var complete = Int.max
        for ranges in imported {
            let first = ranges.ranges.first
            complete = min(complete, first?.lowerBound == 0 ? first?.upperBound ?? 0 : 0)
        }
        length = max(length, complete)
        let furthest = imported.reduce(0) { max($0, $1.ranges.last?.upperBound ?? 0) }
        if furthest == length { imported = [] }
    }
}
