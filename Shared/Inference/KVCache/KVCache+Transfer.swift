public import Domain

/// Moving keys and values between stages. The wire layout is `[layer][K|V][kv head][position][component]`, f16 little
/// endian, for any sub-range of layers and positions, so that stages with different layer ranges can exchange what they
/// share.
extension KVCache {
    /// Bytes of a piece on the wire.
    public func transferBytes(layers: LayerRange, positions: Range<Int>) -> Int {
        layers.count * positions.count * layout.wireBytesPerTokenPerLayer
    }

    /// The keys and values of some layers and positions of a sequence.
    ///
    /// - Throws: `InferenceError` where the sequence is not open or does not hold the layers or positions.
    public func exportKV(_ sequence: RequestID, layers: LayerRange, positions: Range<Int>) throws -> [UInt8] {
        let table = try table(sequence)
        try check(layers: layers, positions: positions)
        guard positions.upperBound <= table.length else {
            throw InferenceError(
                .invalidSequence,
                "sequence \(sequence) holds \(table.length) positions, cannot export \(positions)")
        }
        let transfer = KVTransfer(layout: layout, positions: positions)
        let layerElements = transferBytes(layers: LayerRange(0, 1), positions: positions) / 2
        let size = transferBytes(layers: layers, positions: positions)
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            count = size
            guard size > 0, let start = UnsafeMutableRawPointer(buffer.baseAddress) else { return }
            let wire = start.bindMemory(to: UInt16.self, capacity: size / 2)
            for layer in layers.range {
                for index in blockIndices(positions) {
                    transfer.copyOut(
                        block: base(of: table.blocks[index]), index: index, layer: layer - self.layers.start,
                        wire: wire + (layer - layers.start) * layerElements)
                }
            }
        }
    }

    /// Stores keys and values that another stage exported; takes blocks as needed.
    ///
    /// Pieces may arrive in any order; `length(of:)` grows as soon as all layers hold the positions from 0 on.
    ///
    /// - Throws: `InferenceError` where the sequence is not open, the stage does not hold the layers, the size is wrong or
    ///   too few blocks are free; nothing changes then.
    public func importKV(_ sequence: RequestID, layers: LayerRange, positions: Range<Int>, bytes: [UInt8]) throws {
        try check(layers: layers, positions: positions)
        guard positions.upperBound <= capacityTokens else {
            throw InferenceError(
                .outOfMemory,
                "positions \(positions) of sequence \(sequence) do not fit a KV cache of \(capacityTokens) tokens")
        }
        let expected = transferBytes(layers: layers, positions: positions)
        guard bytes.count == expected else {
            throw InferenceError(
                .invalidInput,
                "KV of layers \(layers), positions \(positions) takes \(expected) bytes, \(bytes.count) were given")
        }
        try reserve(sequence, tokens: positions.upperBound)
        let table = try table(sequence)
        let transfer = KVTransfer(layout: layout, positions: positions)
        let layerBytes = transferBytes(layers: LayerRange(0, 1), positions: positions)
        bytes.withUnsafeBytes { buffer in
            guard expected > 0, let start = buffer.baseAddress else { return }
            for layer in layers.range {
                let wire = start + (layer - layers.start) * layerBytes
                for index in blockIndices(positions) {
                    transfer.copyIn(
                        block: base(of: table.blocks[index]), index: index, layer: layer - self.layers.start,
                        wire: wire.assumingMemoryBound(to: UInt16.self))
                }
            }
        }
        noteImport(
            sequence, layers: layers.start - self.layers.start..<layers.end - self.layers.start, positions: positions)
    }

    private func blockIndices(_ positions: Range<Int>) -> Range<Int> {
        positions.isEmpty
            ? 0..<0
            : positions.lowerBound / KVBlockLayout.positions..<KVBlockLayout.blocks(forPositions: positions.upperBound)
    }

    private func check(layers: LayerRange, positions: Range<Int>) throws {
        guard layers.start >= self.layers.start, layers.end <= self.layers.end else {
            throw InferenceError(.invalidInput, "this stage holds layers \(self.layers), not all of \(layers)")
        }
        guard positions.lowerBound >= 0 else {
            throw InferenceError(.invalidInput, "positions \(positions) start before 0")
        }
    }
}
