/// Knows which neighbouring symbols of a word merge, and how early.
protocol PairMerges {
    /// The merge of two symbols; `nil` where they stay apart.
    ///
    /// - Parameter range: which of the symbols that the word began with the two are made of.
    func find(_ left: Int32, _ right: Int32, _ range: Range<Int>) -> Merge?
}

/// What a pair of symbols merges into, and how early.
struct Merge: Sendable {
    /// Lower merges first.
    let rank: UInt32
    let result: Int32
}
