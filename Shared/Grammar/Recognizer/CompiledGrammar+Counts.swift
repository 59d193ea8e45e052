/// Counts that stand for all those from which no bound of the loop is within reach.
enum FarCount {
    /// The loop must run again.
    static let below: Int32 = -1
    /// The loop may run again or end.
    static let between: Int32 = -2
}

extension CompiledGrammar {
    /// How many bytes may follow at most for the bounds of its loop not to matter to a count; -1 where they always do.
    /// Each byte finishes at most one run. `nil` where nothing is counted.
    func slack(count: Int32, at node: Int32) -> Int32? {
        let loopNode = loops[Int(node)]
        guard count >= 0, loopNode >= 0 else { return nil }
        let loop = nodes[Int(loopNode)]
        let toMost = loop.most < 0 ? Int32.max : loop.most - count
        return (count >= loop.least ? toMost : min(toMost, loop.least - count)) - 1
    }

    /// What stands for a count where at most `height` bytes follow.
    func representative(count: Int32, at node: Int32, height: Int) -> Int32 {
        guard let slack = slack(count: count, at: node), height <= Int(slack) else { return count }
        return count >= nodes[Int(loops[Int(node)])].least ? FarCount.between : FarCount.below
    }

    /// Positions with their counts replaced so; sorted.
    func relaxed(_ positions: [StackPosition], height: Int) -> [StackPosition] {
        Set(
            positions.map {
                let count = representative(count: $0.count, at: $0.node, height: height)
                return StackPosition(node: $0.node, count: count, frame: $0.frame)
            }
        ).sorted()
    }
}
