public import Domain

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
    /// Tokens for which blocks are free.
    public var freeTokens: Int { pool.available * KVBlockLayout.positions }
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
        memory = try AlignedMemory(bytes: count * layout.blockBytes)
    }

    /// Bytes that blocks for `tokens` tokens of one sequence take.
    public static func bytes(tokens: Int, layers: LayerRange, shape: KVShape) -> Int {
        KVBlockLayout.blocks(forPositions: tokens) * KVBlockLayout(layers: layers.count, shape: shape).blockBytes
    }

    /// Opens a sequence and takes blocks for `reservedTokens` positions.
    ///
    /// - Throws: `InferenceError` where the sequence is open already or too few blocks are free; nothing changes then.
    public func open(_ sequence: RequestID, reservedTokens: Int = 0) throws {
        guard tables[sequence] == nil else {
            throw InferenceError(.invalidSequence, "sequence \(sequence) is open already")
        }
        guard reservedTokens >= 0, let blocks = pool.take(KVBlockLayout.blocks(forPositions: reservedTokens)) else {
            throw outOfBlocks(sequence, tokens: reservedTokens)
        }
        tables[sequence] = CachedSequence(blocks: blocks)
    }

    /// Closes a sequence and frees its blocks; says whether it was open.
    @discardableResult
    public func close(_ sequence: RequestID) -> Bool {
        guard let table = tables.removeValue(forKey: sequence) else { return false }
        pool.give(table.blocks)
        return true
    }

    /// Positions that every layer holds, `nil` where the sequence is not open.
    public func length(of sequence: RequestID) -> Int? { tables[sequence]?.length }

    /// Makes sure that a sequence has blocks for `tokens` positions.
    ///
    /// - Throws: `InferenceError` where it is not open or too few blocks are free; nothing changes then.
    public func reserve(_ sequence: RequestID, tokens: Int) throws {
        guard let table = tables[sequence] else { throw notOpen(sequence) }
        let missing = KVBlockLayout.blocks(forPositions: tokens) - table.blocks.count
        guard missing > 0 else { return }
        guard let blocks = pool.take(missing) else { throw outOfBlocks(sequence, tokens: tokens) }
        tables[sequence]?.blocks += blocks
    }

    /// Forgets the positions from `length` on and frees the blocks that only they used.
    public func truncate(_ sequence: RequestID, to length: Int) throws {
        guard var table = tables[sequence] else { throw notOpen(sequence) }
        guard length >= 0, length <= table.length else {
            throw InferenceError(
                .invalidSequence, "sequence \(sequence) holds \(table.length) positions, cannot cut it to \(length)")
        }
        let kept = KVBlockLayout.blocks(forPositions: length)
        pool.give(Array(table.blocks[kept...]))
        table.blocks.removeLast(table.blocks.count - kept)
        table.length = length
        table.imported = []
        tables[sequence] = table
    }

    /// Notes that a step has written `count` more positions.
    func advance(_ sequence: RequestID, by count: Int) { tables[sequence]?.length += count }

    /// Writes the bases of a sequence's blocks from `destination` on and returns how many there are.
    func writeBlockBases(
        _ sequence: RequestID, to destination: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>
    ) -> Int {
        guard let blocks = tables[sequence]?.blocks else { return 0 }
        for (index, block) in blocks.enumerated() {
            destination[index] = base(of: block).assumingMemoryBound(to: UInt8.self)
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

    func base(of block: Int32) -> UnsafeMutableRawPointer { memory.base + Int(block) * layout.blockBytes }

    var blockCapacity: Int { pool.capacity }

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
