internal import Domain
internal import Kernels

/// Copies between KV blocks and the wire layout `[layer][K|V][kv head][position]` of rows (one head at one position), which
/// the cache's type or another one may store.
struct KVBlockCopy {
    let layout: KVBlockLayout
    /// Positions on the wire.
    let positions: Range<Int>
    /// How rows are stored on the wire.
    let type: KVType

    /// Bytes of one layer on the wire.
    var layerBytes: Int { positions.count * layout.shape.bytesPerTokenPerLayer(as: type) }

    private var rowBytes: Int { e2_kv_row_bytes(type.kernelType, Int32(layout.shape.headDim)) }

    /// Copies the positions of `block` (its `index`-th of the sequence) that are asked for, for one layer; `wire` points
    /// at the start of that layer's part.
    func copyOut(block: UnsafeMutableRawPointer, index: Int, layer: Int, wire: UnsafeMutableRawPointer) {
        var piece = unsafe piece(block: block, index: index, layer: layer)
        unsafe e2_kv_read(&piece, (wire + onWire(index) * rowBytes).assumingMemoryBound(to: UInt8.self))
    }

    /// The reverse of `copyOut`.
    func copyIn(block: UnsafeMutableRawPointer, index: Int, layer: Int, wire: UnsafeRawPointer) {
        var piece = unsafe piece(block: block, index: index, layer: layer)
        unsafe e2_kv_write(&piece, (wire + onWire(index) * rowBytes).assumingMemoryBound(to: UInt8.self))
    }

    private func inBlock(_ index: Int) -> Range<Int> {
        let start = index * KVBlockLayout.positions
        let range = positions.clamped(to: start..<start + KVBlockLayout.positions)
        return range.lowerBound - start..<range.upperBound - start
    }

    /// Where the block's first position lies on the wire.
    private func onWire(_ index: Int) -> Int { max(index * KVBlockLayout.positions - positions.lowerBound, 0) }

    private func piece(block: UnsafeMutableRawPointer, index: Int, layer: Int) -> e2_kv_piece {
        let range = inBlock(index)
        return unsafe e2_kv_piece(
            type: layout.shape.type.kernelType, kv_heads: Int32(layout.shape.kvHeads),
            head_dim: Int32(layout.shape.headDim),
            key: (block + layout.keyOffset(layer: layer)).assumingMemoryBound(to: UInt8.self),
            value: (block + layout.valueOffset(layer: layer)).assumingMemoryBound(to: UInt8.self),
            first_position: Int32(range.lowerBound), positions: Int32(range.count), row_type: type.kernelType,
            head_stride: positions.count * rowBytes)
    }
}
