internal import Kernels

/// Where the values of a KV block lie; see "KV cache" in `e2_kernels.h`.
///
/// A block holds 32 positions of all layers of a stage: per layer a key area `[kv head][component][position]`, then a
/// value area `[kv head][position][component]`, all f16.
struct KVBlockLayout: Hashable {
    static let positions = Int(E2_KV_BLOCK_POSITIONS)

    let layers: Int
    let kvHeads: Int
    let headDim: Int
    /// Bytes of the key (or value) area of one layer.
    let areaBytes: Int

    init(layers: Int, kvHeads: Int, headDim: Int) {
        self.layers = layers
        self.kvHeads = kvHeads
        self.headDim = headDim
        areaBytes = (kvHeads * headDim * Self.positions * 2 + 63) / 64 * 64
    }

    var blockBytes: Int { layers * 2 * areaBytes }

    func keyOffset(layer: Int) -> Int { layer * 2 * areaBytes }
    func valueOffset(layer: Int) -> Int { layer * 2 * areaBytes + areaBytes }

    /// Bytes of one token in one layer on the wire.
    var wireBytesPerTokenPerLayer: Int { 2 * kvHeads * headDim * 2 }

    static func blocks(forPositions count: Int) -> Int { count / positions + (count % positions == 0 ? 0 : 1) }
}
