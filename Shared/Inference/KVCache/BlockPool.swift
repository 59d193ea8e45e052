/// The free list of a fixed number of blocks; hands out the block that was used last, whose pages are resident.
struct BlockPool {
    private var free: [Int32]
    /// Blocks in all.
    let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
        free = (0..<Int32(capacity)).reversed()
    }

    /// Blocks that can be taken.
    var available: Int { free.count }

    /// Takes `count` blocks, or none and `nil` where fewer are free.
    mutating func take(_ count: Int) -> [Int32]? {
        guard count <= free.count else { return nil }
        let taken = Array(free.suffix(count).reversed())
        free.removeLast(count)
        return taken
    }

    /// Gives blocks back.
    mutating func give(_ blocks: [Int32]) {
        free.append(contentsOf: blocks.reversed())
        precondition(free.count <= capacity, "a block was given back twice")
    }
}
