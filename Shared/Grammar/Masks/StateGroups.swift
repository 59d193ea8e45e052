/// The positions of a state by the frame on which their rule stands, with what stands for them on any other frame.
///
/// Loops that count are rules of their own, but belong to the rule in which they stand: otherwise each of their runs would
/// end a rule. Counts that no token can tell apart are the same.
struct StateGroups {
    /// The frames of loops, on a frame of which nothing is known.
    private(set) var table = StackTable()
    /// Positions in `table` by frame of the state.
    private(set) var groups: [Int32: [StackPosition]] = [:]

    /// Most loops within loops that belong to one rule.
    private static let keptLoops = 4

    init(_ state: GrammarState, longestToken: Int) {
        let grammar = state.grammar
        for position in state.positions where position.node != StackPosition.ended {
            var base = position.frame
            var node = position.node
            var kept: [StackFrame] = []
            while base >= 0, grammar.loops[Int(node)] >= 0, kept.count < Self.keptLoops {
                let frame = state.table[base]
                kept.append(frame)
                base = frame.below
                node = frame.node
            }
            var frame = StackTable.unknown
            for original in kept.reversed() {
                let count = grammar.representative(count: original.count, at: original.node, height: longestToken)
                frame = table.number(of: StackFrame(node: original.node, count: count, below: frame))
            }
            groups[base, default: []].append(
                StackPosition(node: position.node, count: position.count, frame: frame))
        }
        groups = groups.mapValues { grammar.relaxed($0, height: longestToken) }
    }
}
