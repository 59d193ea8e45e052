/// Copies between a KV block and the wire layout `[layer][K|V][kv head][position][component]` (f16).
struct KVTransfer {
    let layout: KVBlockLayout
    /// Positions on the wire.
    let positions: Range<Int>

    /// Elements of one head's key (or value) part of one layer on the wire.
    private var headElements: Int { positions.count * layout.headDim }

    /// Copies the positions of `block` (its `index`-th of the sequence) that are asked for, for one layer; `wire` points
    /// at the start of that layer's part.
    func copyOut(block: UnsafeMutableRawPointer, index: Int, layer: Int, wire: UnsafeMutablePointer<UInt16>) {
        forEachHead(block: block, layer: layer) { keys, values, head in
            let (inBlock, onWire) = overlap(index)
            let headDim = layout.headDim
            let wireKeys = wire + head * headElements + onWire * headDim
            let wireValues = wireKeys + layout.kvHeads * headElements
            for component in 0..<headDim {
                let row = keys + component * KVBlockLayout.positions
                for offset in 0..<inBlock.count {
                    wireKeys[offset * headDim + component] = row[inBlock.lowerBound + offset]
                }
            }
            wireValues.update(from: values + inBlock.lowerBound * headDim, count: inBlock.count * headDim)
        }
    }

    /// The reverse of `copyOut`.
    func copyIn(block: UnsafeMutableRawPointer, index: Int, layer: Int, wire: UnsafePointer<UInt16>) {
        forEachHead(block: block, layer: layer) { keys, values, head in
            let (inBlock, onWire) = overlap(index)
            let headDim = layout.headDim
            let wireKeys = wire + head * headElements + onWire * headDim
            let wireValues = wireKeys + layout.kvHeads * headElements
            for component in 0..<headDim {
                let row = keys + component * KVBlockLayout.positions
                for offset in 0..<inBlock.count {
                    row[inBlock.lowerBound + offset] = wireKeys[offset * headDim + component]
                }
            }
            (values + inBlock.lowerBound * headDim).update(from: wireValues, count: inBlock.count * headDim)
        }
    }

    /// The positions of the sequence's `index`-th block that are asked for: inside the block, and where they start on the
    /// wire.
    private func overlap(_ index: Int) -> (inBlock: Range<Int>, onWire: Int) {
        let start = index * KVBlockLayout.positions
        let range = positions.clamped(to: start..<start + KVBlockLayout.positions)
        return (range.lowerBound - start..<range.upperBound - start, range.lowerBound - positions.lowerBound)
    }

    private func forEachHead(
        block: UnsafeMutableRawPointer, layer: Int,
        _ body: (_ keys: UnsafeMutablePointer<UInt16>, _ values: UnsafeMutablePointer<UInt16>, _ head: Int) -> Void
    ) {
        let headElements = layout.headDim * KVBlockLayout.positions
        let keys = (block + layout.keyOffset(layer: layer)).assumingMemoryBound(to: UInt16.self)
        let values = (block + layout.valueOffset(layer: layer)).assumingMemoryBound(to: UInt16.self)
        for head in 0..<layout.kvHeads { body(keys + head * headElements, values + head * headElements, head) }
    }
}
