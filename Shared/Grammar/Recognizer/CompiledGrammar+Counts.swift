extension CompiledGrammar {
    /// A count that no token of the given length can tell from `count`, the same one for as many counts as possible.
    ///
    /// A token of `longestToken` bytes finishes at most as many runs of a loop: where neither bound is within reach, the
    /// count does not matter.
    func representative(count: Int32, at node: Int32, longestToken: Int) -> Int32 {
        let loopNode = loops[Int(node)]
        guard count > 0, loopNode >= 0 else { return count }
        let loop = nodes[Int(loopNode)]
        let reach = Int32(clamping: longestToken + 1)
        if loop.least - count >= reach { return 0 }
        if count >= loop.least && (loop.most < 0 || loop.most - count >= reach) { return loop.least }
        return count
    }
}
