public import Domain

/// Moving keys and values between stages. The wire layout is `[layer][K|V][kv head][position][component]`, for any sub-range
/// of layers and positions, so that stages with different layer ranges can exchange what they share. Values are f16 (little
/// endian), or Q8_0: per 32 components an f16 scale and 32 signed bytes. A cache converts what is not of its own type.
extension KVCache {
    /// Bytes of a piece on the wire.
    public func transferBytes(layers: LayerRange, positions: Range<Int>, type: KVType? = nil) -> Int {
        layers.count * positions.count * shape.bytesPerTokenPerLayer(as: type)
    }

    /// The keys and values of some layers and positions of a sequence, stored as `type` (the cache's where it is `nil`).
    ///
    /// - Throws: `InferenceError` where the sequence is not open or does not hold the layers or positions, or the heads do
    ///   not fit the type.
    public func exportKV(
        _ sequence: RequestID, layers: LayerRange, positions: Range<Int>, type: KVType? = nil
    ) throws -> [UInt8] {
        let table = try table(sequence)
        try check(layers: layers, positions: positions, type: type)
        guard positions.upperBound <= table.length else {
            throw InferenceError(
                .invalidSequence,
                "sequence \(sequence) holds \(table.length) positions, cannot export \(positions)")
        }
        let transfer = KVBlockCopy(layout: layout, positions: positions, type: type ?? shape.type)
        let size = transferBytes(layers: layers, positions: positions, type: type)
        return unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            count = size
            guard size > 0, let start = UnsafeMutableRawPointer(buffer.baseAddress) else { return }
            for layer in layers.range {
                for index in blockIndices(positions) {
                    unsafe transfer.copyOut(
                        block: base(of: table.blocks[index]), index: index, layer: layer - self.layers.start,
                        wire: start + (layer - layers.start) * transfer.layerBytes)
                }
            }
        }
    }

    /// Stores keys and values that another stage exported; takes blocks as needed. Positions of blocks with which the
    /// sequence began are there already and stay as they are: other sequences read them.
    ///
    /// Pieces may arrive in any order; `length(of:)` grows as soon as all layers hold the positions from 0 on.
    ///
    /// - Throws: `InferenceError` where the sequence is not open, the stage does not hold the layers, the size is wrong or
    ///   too few blocks are free; nothing changes then.
    public func importKV(
        _ sequence: RequestID, layers: LayerRange, positions: Range<Int>, bytes: [UInt8], type: KVType? = nil
    ) throws {
        try check(layers: layers, positions: positions, type: type)
        guard positions.upperBound <= capacityTokens else {
            throw InferenceError(
                .outOfMemory,
                "positions \(positions) of sequence \(sequence) do not fit a KV cache of \(capacityTokens) tokens")
        }
        let expected = transferBytes(layers: layers, positions: positions, type: type)
        guard bytes.count == expected else {
            throw InferenceError(
                .invalidInput,
                "KV of layers \(layers), positions \(positions) takes \(expected) bytes, \(bytes.count) were given")
        }
        try reserve(sequence, tokens: positions.upperBound)
        let table = try table(sequence)
        let transfer = KVBlockCopy(layout: layout, positions: positions, type: type ?? shape.type)
        unsafe bytes.withUnsafeBytes { buffer in
            guard expected > 0, let start = buffer.baseAddress else { return }
            for layer in layers.range {
                let wire = unsafe start + (layer - layers.start) * transfer.layerBytes
                for index in blockIndices(positions) where index >= table.shared {
                    unsafe transfer.copyIn(
                        block: base(of: table.blocks[index]), index: index, layer: layer - self.layers.start,
                        wire: wire)
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

    private func check(layers: LayerRange, positions: Range<Int>, type: KVType?) throws {
        if type == .q8_0, shape.headDim % 32 != 0 {
            throw InferenceError(
                .unsupported, "KV of type q8_0 needs heads of a multiple of 32 components, not \(shape.headDim)")
        }
        guard self.layers.contains(layers) else {
            throw InferenceError(.invalidInput, "this stage holds layers \(self.layers), not all of \(layers)")
        }
        guard positions.lowerBound >= 0 else {
            throw InferenceError(.invalidInput, "positions \(positions) start before 0")
        }
    }
}
