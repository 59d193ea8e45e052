internal import Kernels

/// The memory of a stage's steps, taken once.
@safe final class StageBuffers {
    /// Hidden states `[row][hidden]`.
    let hidden: UnsafeMutablePointer<Float>
    /// Rows of logits that the last step computed.
    var logitRows = 0

    private let hiddenMemory: AlignedMemory
    private let scratchMemory: AlignedMemory
    private let segmentMemory: AlignedMemory
    private let blockMemory: AlignedMemory
    private var logitMemory: AlignedMemory?
    private var vocabulary = 0

    init(dims: KernelDimensions, layers: Int, maxRows: Int, threads: Int, blocks: Int) throws {
        let (scratchBytes, hiddenWidth) = unsafe dims.withPointer { pointer in
            unsafe (
                e2_scratch_bytes(pointer, Int32(maxRows), Int32(threads), Int32(layers)),
                Int(pointer.pointee.hidden)
            )
        }
        guard scratchBytes > 0 else {
            throw InferenceError(.invalidInput, "the kernels cannot run steps of \(maxRows) rows on this model")
        }
        scratchMemory = try AlignedMemory(bytes: scratchBytes)
        hiddenMemory = try AlignedMemory(bytes: maxRows * hiddenWidth * 4)
        segmentMemory = unsafe try AlignedMemory(bytes: maxRows * MemoryLayout<e2_segment>.stride)
        blockMemory = unsafe try AlignedMemory(bytes: blocks * MemoryLayout<UnsafeRawPointer>.stride)
        unsafe hidden = unsafe hiddenMemory.base.bindMemory(to: Float.self, capacity: maxRows * hiddenWidth)
    }

    var bytes: Int {
        scratchMemory.count + hiddenMemory.count + segmentMemory.count + blockMemory.count + (logitMemory?.count ?? 0)
    }

    var scratch: e2_scratch { unsafe e2_scratch(memory: scratchMemory.base, bytes: scratchMemory.count) }

    /// Describes a batch to the kernels; every block belongs to one sequence, so the table of bases suffices for all.
    func prepare(_ entries: [StageEntry], cache: KVCache) -> UnsafeMutablePointer<e2_segment> {
        let segments = unsafe segmentMemory.base.assumingMemoryBound(to: e2_segment.self)
        var bases = unsafe blockMemory.base.assumingMemoryBound(to: UnsafeMutablePointer<UInt8>?.self)
        var row = 0
        for (index, entry) in entries.enumerated() {
            unsafe segments[index] = unsafe e2_segment(
                first_row: Int32(row), row_count: Int32(entry.rows), start_position: Int32(entry.startPosition),
                blocks: UnsafePointer(bases))
            unsafe bases += cache.writeBlockBases(entry.sequence, to: bases)
            row += entry.rows
        }
        return unsafe segments
    }

    /// Memory for some rows of logits; grows when more are asked for than ever before.
    func prepareLogits(rows: Int, vocabulary: Int) throws -> UnsafeMutablePointer<Float> {
        self.vocabulary = vocabulary
        let needed = rows * vocabulary * 4
        if let memory = logitMemory, memory.count >= needed {
            return unsafe memory.base.assumingMemoryBound(to: Float.self)
        }
        logitMemory = nil
        let memory = try AlignedMemory(bytes: needed)
        logitMemory = memory
        return unsafe memory.base.bindMemory(to: Float.self, capacity: rows * vocabulary)
    }

    /// Reads the logits of a row below `logitRows`.
    func withLogits<Result>(row: Int, _ body: (Span<Float>) throws -> Result) rethrows -> Result {
        let base = unsafe logitMemory?.base.assumingMemoryBound(to: Float.self)
        let values = unsafe UnsafeBufferPointer(
            start: base.map { unsafe $0 + row * vocabulary }, count: unsafe base == nil ? 0 : vocabulary)
        return unsafe try body(values.span)
    }
}
