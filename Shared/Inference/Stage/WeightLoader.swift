internal import Kernels

/// Copies tensors from the model file into a stage's arena: matrices packed by all threads of a pool, vectors as they are.
struct WeightLoader {
    let tensors: TensorLookup
    let arena: WeightArena
    let pool: ComputePool

    /// Tiles of 16 rows that one piece of work packs.
    private static let tilesPerPiece = 32

    /// Bytes of the file that are packed before their pages are given back: a large matrix never lies in memory twice.
    private static let slabBytes = 8 << 20

    /// Packs a matrix and gives its file pages back.
    func pack(_ source: SourceMatrix) throws -> e2_matrix {
        let destination = unsafe arena.take(source.packedBytes)
        let tiles = Int(e2_tile_count(Int64(source.rows)))
        let pieces = (tiles + Self.tilesPerPiece - 1) / Self.tilesPerPiece
        guard let base = unsafe source.bytes.baseAddress else {
            throw InferenceError(.invalidInput, "tensor \(source.name) is empty")
        }
        let pieceBytes = unsafe source.bytes.count / max(1, source.rows) * Self.tilesPerPiece * 16
        let slab = max(1, Self.slabBytes / max(1, pieceBytes))
        var statuses = [e2_status](repeating: E2_OK, count: pieces)
        for first in stride(from: 0, to: pieces, by: slab) {
            let count = min(slab, pieces - first)
            unsafe statuses.withUnsafeMutableBufferPointer { statuses in
                pool.forEach(count) { index in
                    let piece = first + index
                    let begin = piece * Self.tilesPerPiece
                    unsafe statuses[piece] = unsafe e2_pack_rows(
                        source.type, base, Int64(source.rows), Int64(source.columns), destination, Int32(begin),
                        Int32(min(begin + Self.tilesPerPiece, tiles)))
                }
            }
            unsafe tensors.releasePages(
                of: source.name, bytes: first * pieceBytes..<min(source.bytes.count, (first + count) * pieceBytes))
        }
        for status in statuses { try KernelFailure.check(status, "tensor \(source.name)") }
        var matrix = unsafe e2_matrix()
        unsafe matrix.form = e2_packed_form(source.type)
        unsafe matrix.rows = Int32(source.rows)
        unsafe matrix.cols = Int32(source.columns)
        unsafe matrix.tiles = unsafe UnsafePointer(destination.assumingMemoryBound(to: UInt8.self))
        return unsafe matrix
    }

    /// Copies a vector.
    func copy(_ values: [Float]) -> UnsafePointer<Float> {
        let destination = unsafe arena.take(values.count * 4).bindMemory(to: Float.self, capacity: values.count)
        unsafe destination.update(from: values, count: values.count)
        return unsafe UnsafePointer(destination)
    }
}
