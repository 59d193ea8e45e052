/// Counts that stand for all those from which no bound of the loop is within reach.
enum FarCount {
    /// The loop must run again.
    static let below: Int32 = -1
    /// The loop may run again or end.
    static let between: Int32 = -2
}

extension CompiledGrammar {
    /// What stands for a count where at most `height` bytes follow: each of them finishes at most one run of the loop.
    func representative(count: Int32, at node: Int32, height: Int) -> Int32 {
        let loopNode = loops[Int(node)]
        guard count >= 0, loopNode >= 0 else { return count }
        let loop = nodes[Int(loopNode)]
        let reach = Int32(clamping: height + 1)
        let isFarFromMost = loop.most < 0 || loop.most - count >= reach
        if loop.least - count >= reach && isFarFromMost { return FarCount.below }
        if count >= loop.least && isFarFromMost { return FarCount.between }
        return count
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
