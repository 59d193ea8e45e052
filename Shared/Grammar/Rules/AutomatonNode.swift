/// A position of the automaton to which rules are lowered. All rules share node 0, the end of a rule.
struct AutomatonNode: Sendable {
    enum Kind: UInt8, Sendable {
        /// The rule is over: goes on at the frame below.
        case end
        /// Consumes a byte by one of the edges `first..<second`.
        case bytes
        /// Goes on at every one of the targets `first..<second`.
        case split
        /// Enters the rule that starts at `first`, and goes on at `second` after it.
        case call
        /// Enters the rule that starts at `first` in place of this one.
        case tail
        /// Runs the body at `first` if the count is below `most`, and leaves to `second` if it is at least `least`.
        case loop
        /// Counts one run of the loop at `first`.
        case count
    }

    var kind: Kind
    var first: Int32 = 0
    var second: Int32 = 0
    var least: Int32 = 0
    /// -1 where there is no upper bound.
    var most: Int32 = 0
}

/// A range of bytes that leads to a node.
struct ByteEdge: Sendable, Hashable {
    var low: UInt8
    var high: UInt8
    var target: Int32
}
