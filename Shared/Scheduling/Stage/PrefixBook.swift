internal import Domain

/// Which tokens the full blocks of KV cache hold that all stages of a replica have; kept by the first stage, which
/// decides what sequences begin with and what goes when memory is needed.
///
/// Blocks form trees: a block belongs to the tokens before it, and below it are those that continue it. Tokens
/// themselves are compared, so that nothing is taken for something else, and texts with different salts are in
/// different trees.
struct PrefixBook: Sendable {
    private struct Key: Hashable {
        /// The block before, 0 for none.
        var parent: UInt64
        /// What keeps requests apart that must not learn of each other; at the root only, since the rest hangs below
        /// it.
        var salt: String?
        var tokens: [Int32]
    }

    private struct Block {
        var key: Key
        /// Blocks before it.
        var depth: Int
        /// Blocks that continue it.
        var children = 0
        /// Sequences that are open and have it.
        var users = 1
        /// Sequences that have had it.
        var uses = 1.0
        /// What it is worth to keep it, on the clock of evictions.
        var worth = 0.0
    }

    private struct Sequence {
        var salt: String?
        /// Its tokens as far as they are known.
        var tokens: [Int32]
        /// Blocks of the trees that hold its first tokens: those that it began with, then its own.
        var chain: [UInt64]
        /// Another sequence computed the same at the same time and was first: what follows stays out of the trees, or
        /// blocks there would hang below some that this sequence does not have.
        var isLate = false
        /// Whether it may begin with blocks of others.
        var searches: Bool
        /// Blocks that it began with.
        var shared: Int
        /// The name of its first own block.
        var first: UInt64
        /// Positions that all stages have computed.
        var done: Int
    }

    private let blockTokens: Int
    /// How much more computing a block costs for every block before it, as a share of what its matrices cost.
    private let attention: Double
    private var blocks: [UInt64: Block] = [:]
    private var names: [Key: UInt64] = [:]
    private var sequences: [RequestID: Sequence] = [:]
    /// Blocks that no sequence has and nothing hangs below: these go first.
    private var leaves: Set<UInt64> = []
    /// The worth of what was evicted last: what comes later is worth more than what nobody has wanted since.
    private var clock = 0.0
    /// Blocks that are kept though no sequence has them.
    private(set) var idle = 0

    /// Makes an empty book for blocks of so many tokens of a model.
    init(blockTokens: Int, model: ModelDescription) {
        self.blockTokens = max(1, blockTokens)
        // Attention over a position costs about 4 operations per component, a layer's matrices 24 per component
        // squared.
        attention = Double(self.blockTokens) / (6 * Double(max(1, model.hidden)))
    }

    /// Blocks that are kept though no sequence has them, by name.
    var idleNames: [UInt64] { blocks.filter { $0.value.users == 0 }.keys.sorted() }

    // MARK: Sequences

    /// A sequence is opened; `first` will be the name of its first own block. With `search` it begins with the longest
    /// part of its tokens that is held, but for the last token, whose result is needed. Returns the blocks.
    mutating func open(
        _ request: RequestID, tokens: [Int32], salt: String?, first: UInt64, search: Bool
    ) -> [UInt64] {
        guard sequences[request] == nil else { return [] }
        var sequence = Sequence(
            salt: salt, tokens: tokens, chain: [], searches: search, shared: 0, first: first, done: 0)
        findBlocks(for: &sequence)
        sequences[request] = sequence
        return sequence.chain
    }

    /// Looks again for a sequence of which nothing has been computed: another one with the same beginning may have been
    /// since it was opened. Returns all blocks that it now begins with and the name of the first one that is its own, which
    /// keeps its name; `nil` where there are no more than before.
    mutating func searchAgain(_ request: RequestID) -> (blocks: [UInt64], next: UInt64)? {
        guard var sequence = sequences[request], sequence.done == sequence.shared * blockTokens else { return nil }
        let before = sequence.shared
        findBlocks(for: &sequence)
        guard sequence.shared > before else { return nil }
        sequence.first += UInt64(sequence.shared - before)
        sequences[request] = sequence
        return (sequence.chain, sequence.first)
    }

    /// Lets a sequence begin with all blocks of its text that are held.
    private mutating func findBlocks(for sequence: inout Sequence) {
        while sequence.searches, (sequence.chain.count + 1) * blockTokens < sequence.tokens.count,
            let name = names[key(after: sequence.chain, of: sequence.tokens, salt: sequence.salt)]
        {
            take(name)
            sequence.chain.append(name)
        }
        sequence.shared = sequence.chain.count
        sequence.done = sequence.shared * blockTokens
    }

    /// All stages have computed these positions of a sequence; `token` is the last one's, where it is not of the
    /// prompt.
    mutating func computed(_ request: RequestID, _ positions: Range<Int>, token: Int32? = nil) {
        guard var sequence = sequences[request], sequence.done == positions.lowerBound else { return }
        if let token, positions.upperBound == sequence.tokens.count + 1 { sequence.tokens.append(token) }
        guard positions.upperBound <= sequence.tokens.count else { return }
        sequence.done = positions.upperBound
        while !sequence.isLate, (sequence.chain.count + 1) * blockTokens <= sequence.done {
            let key = key(after: sequence.chain, of: sequence.tokens, salt: sequence.salt)
            guard names[key] == nil else {
                sequence.isLate = true
                break
            }
            let depth = sequence.chain.count
            let name = sequence.first + UInt64(depth - sequence.shared)
            blocks[name] = Block(key: key, depth: depth)
            names[key] = name
            blocks[key.parent]?.children += 1
            sequence.chain.append(name)
        }
        sequences[request] = sequence
    }

    /// A sequence ends and leaves its blocks here. Returns those that all stages must keep: also those that it began
    /// with, since it may be the last to have them.
    mutating func close(_ request: RequestID) -> [UInt64] {
        guard let sequence = sequences.removeValue(forKey: request) else { return [] }
        // Those at the end first: a block is a leaf only when nothing hangs below it.
        for name in sequence.chain.reversed() { leave(name) }
        return sequence.chain
    }

    // MARK: Memory

    /// Gives up blocks that no sequence has: those of least worth, ends of texts before their beginnings.
    mutating func evict(_ count: Int) -> [UInt64] {
        var evicted: [UInt64] = []
        while evicted.count < count, let name = least {
            clock = max(clock, blocks[name]?.worth ?? 0)
            remove(name)
            evicted.append(name)
        }
        return evicted
    }

    /// Forgets everything. Returns all blocks; those that sequences have go with these.
    mutating func forget() -> [UInt64] {
        let dropped = blocks.keys.sorted()
        blocks = [:]
        names = [:]
        sequences = [:]
        leaves = []
        idle = 0
        return dropped
    }

    /// The leaf of least worth; of equal ones the one that was named first.
    private var least: UInt64? {
        leaves.min { ((blocks[$0]?.worth ?? 0), $0) < ((blocks[$1]?.worth ?? 0), $1) }
    }

    // MARK: Trees

    private func key(after chain: [UInt64], of tokens: [Int32], salt: String?) -> Key {
        let start = chain.count * blockTokens
        return Key(
            parent: chain.last ?? 0, salt: chain.isEmpty ? salt : nil,
            tokens: Array(tokens[start..<start + blockTokens]))
    }

    private mutating func take(_ name: UInt64) {
        guard var block = blocks[name] else { return }
        if block.users == 0 {
            idle -= 1
            leaves.remove(name)
        }
        block.users += 1
        block.uses += 1
        blocks[name] = block
    }

    private mutating func leave(_ name: UInt64) {
        guard var block = blocks[name] else { return }
        block.users -= 1
        if block.users == 0 {
            idle += 1
            // All blocks are equally large, so that the time to compute one again is the time saved per byte.
            block.worth = clock + block.uses * (1 + attention * Double(block.depth))
            if block.children == 0 { leaves.insert(name) }
        }
        blocks[name] = block
    }

    /// Removes a block that no sequence has.
    private mutating func remove(_ name: UInt64) {
        guard let block = blocks.removeValue(forKey: name) else { return }
        names[block.key] = nil
        leaves.remove(name)
        idle -= 1
        guard var parent = blocks[block.key.parent] else { return }
        parent.children -= 1
        blocks[block.key.parent] = parent
        if parent.users == 0, parent.children == 0 { leaves.insert(block.key.parent) }
    }
}
