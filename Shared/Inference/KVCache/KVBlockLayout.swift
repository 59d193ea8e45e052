internal import Domain
internal import Kernels

/// Where the values of a KV block lie; see "KV cache" in `e2_kernels.h`.
///
/// A block holds 32 positions of all layers of a stage: per layer a key area, then a value area.
struct KVBlockLayout: Hashable {
    static let positions = Int(E2_KV_BLOCK_POSITIONS)

    let layers: Int
    let shape: KVShape
    /// Bytes of the key (or value) area of one layer.
    let areaBytes: Int

    init(layers: Int, shape: KVShape) {
        self.layers = layers
        self.shape = shape
        let bytes = e2_kv_area_bytes(shape.type.kernelType, Int32(shape.kvHeads), Int32(shape.headDim))
        areaBytes = (bytes + 63) / 64 * 64
    }

    var blockBytes: Int { layers * 2 * areaBytes }

    func keyOffset(layer: Int) -> Int { layer * 2 * areaBytes }
    func valueOffset(layer: Int) -> Int { layer * 2 * areaBytes + areaBytes }

    static func blocks(forPositions count: Int) -> Int { count / positions + (count % positions == 0 ? 0 : 1) }
}
