public import Domain
internal import Glibc

/// Keys and values of the sequences of one stage, in blocks of 32 positions that hold all layers of the stage.
///
/// Not thread-safe: it belongs to the one thread that runs the stage. Memory is mapped at once and becomes resident as
/// blocks are used for the first time.
public final class KVCache {
    /// The layers.
    public let layers: LayerRange
    /// Tokens of one block: what a sequence reserves is rounded up to it.
    public static var blockTokens: Int { KVBlockLayout.positions }
    /// Tokens that all sequences together can hold, where each fills its last block.
    public var capacityTokens: Int { pool.capacity * KVBlockLayout.positions }
    /// Tokens for which blocks are free, those among them that are kept for sequences to come.
    public var freeTokens: Int { (pool.available + idle.count) * KVBlockLayout.positions }
    /// Tokens in blocks that are kept though no sequence has them.
    public var keptTokens: Int { idle.count * KVBlockLayout.positions }
    /// Bytes of all blocks.
    public var capacityBytes: Int { pool.capacity * layout.blockBytes }
    /// Sequences that are open.
    public var sequences: [RequestID] { tables.keys.sorted() }

    /// Sizes and type of the values.
    public var shape: KVShape { layout.shape }

    let layout: KVBlockLayout
    /// Positions that a layer sees, `nil` where it sees all; one entry a layer.
    private let windows: [Int?]
    private let memory: AlignedMemory
    private var pool: BlockPool
    private var tables: [RequestID: CachedSequence] = [:]
    /// Blocks of all sequences together, shared ones counted for each: never more than there are, so that the tables of
    /// a step have room for them.
    private var tabled = 0
    /// Sequences that have a block.
    private var owners: [Int32]
    /// Names of blocks, 0 for none, and the other way round.
    private var nameOf: [UInt64]
    private var named: [UInt64: Int32] = [:]
    /// Blocks that stay when no sequence has them any more, and those of them that none has, by name.
    private var kept: Set<UInt64> = []
    private var idle: Set<UInt64> = []

    /// Makes an empty cache that uses at most `budgetBytes` bytes. What comes from other stages may lack the
    /// positions before the window of layers that have one (`windows`, one entry a layer; empty: none has).
    ///
    /// - Throws: `InferenceError` where the budget holds not even one block, or memory is missing.
    public init(layers: LayerRange, shape: KVShape, budgetBytes: Int, windows: [Int?] = []) throws {
        self.layers = layers
        self.windows = windows.count == layers.count ? windows : Array(repeating: nil, count: layers.count)
        layout = KVBlockLayout(layers: layers.count, shape: shape)
        let blocks = max(layout.blockBytes, 1) > budgetBytes ? 0 : budgetBytes / max(layout.blockBytes, 1)
        guard blocks > 0 else {
            throw InferenceError(
                .outOfMemory,
                "a KV budget of \(budgetBytes) bytes holds no block: one block of \(KVBlockLayout.positions) tokens for "
                    + "layers \(layers) takes \(layout.blockBytes) bytes")
        }
        let count = min(blocks, Int(Int32.max))
        pool = BlockPool(capacity: count)
        owners = Array(repeating: 0, count: count)
        nameOf = Array(repeating: 0, count: count)
        memory = try AlignedMemory(bytes: count * layout.blockBytes)
    }

    /// Bytes that blocks for `tokens` tokens of one sequence take.
    public static func bytes(tokens: Int, layers: LayerRange, shape: KVShape) -> Int {
        KVBlockLayout.blocks(forPositions: tokens) * KVBlockLayout(layers: layers.count, shape: shape).blockBytes
    }

    /// Opens a sequence and takes blocks for `reservedTokens` positions. It begins with the blocks that `prefix` names,
    /// which are there already, and its own are named as that says.
    ///
    /// - Throws: `InferenceError` where the sequence is open already, too few blocks are free or a named one is
    ///   missing;
    ///   nothing changes then.
    public func open(_ sequence: RequestID, reservedTokens: Int = 0, prefix: SequencePrefix? = nil) throws {
        guard tables[sequence] == nil else {
            throw InferenceError(.invalidSequence, "sequence \(sequence) is open already")
        }
        let blocks = try prefix.map { try held($0, of: sequence) } ?? []
        guard blocks.count <= pool.capacity - tabled else { throw outOfBlocks(sequence, tokens: reservedTokens) }
        tabled += blocks.count
        for block in blocks { retain(block) }
        tables[sequence] = CachedSequence(
            blocks: blocks, length: blocks.count * KVBlockLayout.positions, shared: blocks.count, nextName: prefix?.next
        )
        do {
            try reserve(sequence, tokens: reservedTokens)
        } catch {
            close(sequence)
            throw error
        }
    }

    /// Lets a sequence that is open begin with the blocks that `prefix` names, in place of those that it has there; those
    /// that follow are named as that says. What was imported of these positions is given up.
    ///
    /// - Throws: `InferenceError` where it is not open, has fewer blocks or began with more, or a named one is missing;
    ///   nothing changes then.
    public func begin(_ sequence: RequestID, with prefix: SequencePrefix) throws {
        guard var table = tables[sequence] else { throw notOpen(sequence) }
        let blocks = try held(prefix, of: sequence)
        guard table.shared <= blocks.count, blocks.count <= table.blocks.count else {
            throw InferenceError(
                .invalidSequence,
                "sequence \(sequence) of \(table.blocks.count) blocks cannot begin with \(blocks.count)")
        }
        for block in blocks { retain(block) }
        let own = Array(table.blocks.prefix(blocks.count))
        table.blocks.replaceSubrange(..<blocks.count, with: blocks)
        table.shared = blocks.count
        table.nextName = prefix.next
        table.noteShared(blocks.count * KVBlockLayout.positions, windows: windows)
        tables[sequence] = table
        release(own)
        for (index, block) in table.blocks.dropFirst(blocks.count).enumerated() {
            name(block, prefix.next &+ UInt64(index))
        }
    }

    /// The blocks that a prefix names.
    private func held(_ prefix: SequencePrefix, of sequence: RequestID) throws -> [Int32] {
        try prefix.blocks.names().map { name in
            guard let block = named[name] else {
                throw InferenceError(.prefixMissing, "block \(name), with which \(sequence) begins, is not held")
            }
            return block
        }
    }

    /// Closes a sequence and frees its blocks, but for those that other sequences have and those to keep, which stay
    /// until they are dropped or a sequence needs them. Says whether it was open.
    @discardableResult
    public func close(_ sequence: RequestID, keeping: [KVBlockRun] = []) -> Bool {
        guard let table = tables.removeValue(forKey: sequence) else { return false }
        tabled -= table.blocks.count
        for name in keeping.names() where named[name] != nil { kept.insert(name) }
        release(table.blocks)
        return true
    }

    /// Frees blocks that were kept; those that a sequence has go with it.
    public func drop(_ blocks: [KVBlockRun]) {
        for name in blocks.names() {
            kept.remove(name)
            guard idle.remove(name) != nil, let block = named[name] else { continue }
            forgetName(block)
            pool.give([block])
        }
    }

    /// Frees all blocks that were kept and gives their memory back to the system.
    public func dropKept() {
        let blocks = idle.compactMap { named[$0] }.sorted()
        drop(idle.sorted().map { KVBlockRun(first: $0, count: 1) })
        kept = []
        for block in blocks { memory.release(offset: Int(block) * layout.blockBytes, bytes: layout.blockBytes) }
    }

    /// Positions that every layer holds, `nil` where the sequence is not open.
    public func length(of sequence: RequestID) -> Int? { tables[sequence]?.length }

    /// Makes sure that a sequence has blocks for `tokens` positions.
    ///
    /// - Throws: `InferenceError` where it is not open or too few blocks are free; nothing changes then.
    public func reserve(_ sequence: RequestID, tokens: Int) throws {
        guard let table = tables[sequence] else { throw notOpen(sequence) }
        guard tokens >= 0 else { throw outOfBlocks(sequence, tokens: tokens) }
        let missing = KVBlockLayout.blocks(forPositions: tokens) - table.blocks.count
        guard missing > 0 else { return }
        guard missing <= pool.capacity - tabled, let blocks = take(missing) else {
            throw outOfBlocks(sequence, tokens: tokens)
        }
        tabled += missing
        for (index, block) in blocks.enumerated() {
            owners[Int(block)] = 1
            guard let next = table.nextName else { continue }
            name(block, next &+ UInt64(table.blocks.count - table.shared + index))
        }
        tables[sequence]?.blocks += blocks
    }

    /// Forgets the positions from `length` on and frees the blocks that only they used.
    ///
    /// - Throws: `InferenceError` where it is not open or not so long, or other sequences have computed what is to go.
    public func truncate(_ sequence: RequestID, to length: Int) throws {
        guard var table = tables[sequence] else { throw notOpen(sequence) }
        guard length >= table.shared * KVBlockLayout.positions else {
            throw InferenceError(.invalidSequence, "sequence \(sequence) shares its first \(table.shared) blocks")
        }
        guard length >= 0, length <= table.length else {
            throw InferenceError(
                .invalidSequence, "sequence \(sequence) holds \(table.length) positions, cannot cut it to \(length)")
        }
        let count = KVBlockLayout.blocks(forPositions: length)
        tabled -= table.blocks.count - count
        release(Array(table.blocks[count...]))
        table.blocks.removeLast(table.blocks.count - count)
        table.length = length
        table.imported = []
        tables[sequence] = table
    }

    /// Forgets the positions from `length` on; their blocks stay, since others are written there next.
    ///
    /// - Throws: `InferenceError` where it is not open or not so long, or other sequences have computed what is to go.
    public func rewind(_ sequence: RequestID, to length: Int) throws {
        let table = try table(sequence)
        guard table.imported.isEmpty, (table.shared * KVBlockLayout.positions...table.length).contains(length) else {
            throw InferenceError(
                .invalidSequence,
                "sequence \(sequence) holds \(table.length) positions, \(table.shared) blocks of them shared: cannot go back to "
                    + "\(length)")
        }
        tables[sequence]?.length = length
    }

    /// Notes that a step has written `count` more positions.
    func advance(_ sequence: RequestID, by count: Int) { tables[sequence]?.length += count }

    /// Writes zeros to all blocks of a sequence, so that their memory is there; for measurements.
    func fill(_ sequence: RequestID) {
        for block in tables[sequence]?.blocks ?? [] { unsafe memset(base(of: block), 0, layout.blockBytes) }
    }

    /// Writes the bases of a sequence's blocks from `destination` on and returns how many there are.
    func writeBlockBases(
        _ sequence: RequestID, to destination: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>
    ) -> Int {
        guard let blocks = tables[sequence]?.blocks else { return 0 }
        for (index, block) in blocks.enumerated() {
            unsafe destination[index] = unsafe base(of: block).assumingMemoryBound(to: UInt8.self)
        }
        return blocks.count
    }

    func table(_ sequence: RequestID) throws -> CachedSequence {
        guard let table = tables[sequence] else { throw notOpen(sequence) }
        return table
    }

    func noteImport(_ sequence: RequestID, layers: Range<Int>, positions: Range<Int>) {
        tables[sequence]?.noteImport(layers: layers, windows: windows, positions: positions)
    }

    func base(of block: Int32) -> UnsafeMutableRawPointer { unsafe memory.base + Int(block) * layout.blockBytes }

    var blockCapacity: Int { pool.capacity }

    // MARK: Blocks

    /// Takes free blocks, and kept ones where there are too few; deeper parts of later sequences go first.
    private func take(_ count: Int) -> [Int32]? {
        guard count <= pool.available + idle.count else { return nil }
        let lacking = count - pool.available
        if lacking > 0 { drop(idle.sorted().suffix(lacking).map { KVBlockRun(first: $0, count: 1) }) }
        return pool.take(count)
    }

    private func retain(_ block: Int32) {
        owners[Int(block)] += 1
        idle.remove(nameOf[Int(block)])
    }

    /// A sequence does not have these blocks any more.
    private func release(_ blocks: [Int32]) {
        var free: [Int32] = []
        for block in blocks {
            owners[Int(block)] -= 1
            precondition(owners[Int(block)] >= 0, "a block was released twice")
            guard owners[Int(block)] == 0 else { continue }
            let name = nameOf[Int(block)]
            if name != 0, kept.contains(name) {
                idle.insert(name)
            } else {
                forgetName(block)
                free.append(block)
            }
        }
        pool.give(free)
    }

    /// A name that comes twice stays with the block that had it first, and a block has the name that it got first.
    private func name(_ block: Int32, _ name: UInt64) {
        guard name != 0, named[name] == nil, nameOf[Int(block)] == 0 else { return }
        named[name] = block
        nameOf[Int(block)] = name
    }

    private func forgetName(_ block: Int32) {
        let name = nameOf[Int(block)]
        guard name != 0 else { return }
        nameOf[Int(block)] = 0
        named[name] = nil
        kept.remove(name)
    }

    private func notOpen(_ sequence: RequestID) -> InferenceError {
        InferenceError(.invalidSequence, "sequence \(sequence) is not open")
    }

    private func outOfBlocks(_ sequence: RequestID, tokens: Int) -> InferenceError {
        InferenceError(
            .outOfMemory,
            "no KV blocks for \(tokens) tokens of sequence \(sequence): \(freeTokens) of \(capacityTokens) tokens are free"
        )
    }
}
