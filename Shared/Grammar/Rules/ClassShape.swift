/// The nodes of a class of characters, relative to the first of them.
struct ClassShape {
    /// The edges of nodes with one edge each, for bytes after the first; -1 is the node after the class.
    private(set) var continuations: [ByteEdge] = []
    /// The edges for first bytes.
    private(set) var beginnings: [ByteEdge] = []

    init(_ set: ScalarSet) {
        var known: [ByteEdge: Int32] = [:]
        for sequence in set.byteSequences {
            var target: Int32 = -1
            for range in sequence.dropFirst().reversed() {
                let edge = ByteEdge(low: range.lowerBound, high: range.upperBound, target: target)
                if let node = known[edge] {
                    target = node
                } else {
                    target = Int32(continuations.count)
                    continuations.append(edge)
                    known[edge] = target
                }
            }
            beginnings.append(ByteEdge(low: sequence[0].lowerBound, high: sequence[0].upperBound, target: target))
        }
    }
}
