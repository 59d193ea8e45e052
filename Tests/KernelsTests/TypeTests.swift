import Kernels
import Testing

@Suite("Types and packing")
struct TypeTests {
    @Test("block sizes are those of the GGUF format")
    func sizes() {
        let expected: [(e2_type, Int32, Int32)] = [
            (E2_TYPE_F32, 1, 4), (E2_TYPE_F16, 1, 2), (E2_TYPE_Q4_0, 32, 18), (E2_TYPE_Q4_1, 32, 20),
            (E2_TYPE_Q5_0, 32, 22), (E2_TYPE_Q5_1, 32, 24), (E2_TYPE_Q8_0, 32, 34), (E2_TYPE_Q4_K, 256, 144),
            (E2_TYPE_Q5_K, 256, 176), (E2_TYPE_Q6_K, 256, 210), (E2_TYPE_BF16, 1, 2),
        ]
        #expect(expected.map(\.0.rawValue).sorted() == allTypes.map(\.rawValue).sorted())
        for (type, values, bytes) in expected {
            #expect(e2_type_block_values(type) == values)
            #expect(e2_type_block_bytes(type) == bytes)
            #expect(e2_type_row_bytes(type, 512) == 512 / Int(values) * Int(bytes))
        }
        #expect(e2_type_row_bytes(E2_TYPE_Q4_0, 40) == 0)
    }

    @Test("what cannot be packed is refused")
    func refusals() {
        let unknown = e2_type(rawValue: 10)
        #expect(!e2_type_supported(unknown))
        #expect(e2_packed_bytes(unknown, 16, 32) == 0)
        #expect(e2_packed_bytes(E2_TYPE_Q8_0, 16, 48) == 0)
        #expect(e2_packed_bytes(E2_TYPE_Q8_0, 0, 32) == 0)
        #expect(e2_packed_bytes(E2_TYPE_Q4_K, 16, 128) == 0)
        #expect(e2_packed_bytes(E2_TYPE_F32, Int64.max, 32) == 0)
        #expect(e2_packed_bytes(E2_TYPE_F32, 32, Int64.max / 32 * 32) == 0)
        #expect(e2_pack_rows(E2_TYPE_Q6_K, nil, 16, 288, nil, 0, 1) == E2_BAD_SHAPE)
        #expect(e2_dequantize_row(E2_TYPE_Q5_K, nil, 32, nil) == E2_BAD_SHAPE)
        #expect(e2_pack_rows(unknown, nil, 16, 32, nil, 0, 1) == E2_UNSUPPORTED_TYPE)
        #expect(e2_pack_rows(E2_TYPE_Q4_0, nil, 16, 33, nil, 0, 1) == E2_BAD_SHAPE)
        #expect(e2_pack_rows(E2_TYPE_Q4_0, nil, 16, 32, nil, 0, 2) == E2_BAD_SHAPE)
        #expect(e2_dequantize_row(E2_TYPE_Q4_0, nil, 33, nil) == E2_BAD_SHAPE)
        #expect(e2_dequantize_row(unknown, nil, 32, nil) == E2_UNSUPPORTED_TYPE)
    }

    @Test("a known block is read as the format says")
    func knownBlock() {
        // Scale 2, minimum -3; byte i has low nibble i and high nibble 15 - i.
        var block: [UInt8] = [0x00, 0x40, 0x00, 0xC2]
        for i in 0..<16 { block.append(UInt8(i | (15 - i) << 4)) }
        var out = [Float](repeating: 0, count: 32)
        #expect(e2_dequantize_row(E2_TYPE_Q4_1, block, 32, &out) == E2_OK)
        for i in 0..<16 {
            #expect(out[i] == Float(i) * 2 - 3)
            #expect(out[16 + i] == Float(15 - i) * 2 - 3)
        }
        block.removeSubrange(2..<4)
        #expect(e2_dequantize_row(E2_TYPE_Q4_0, block, 32, &out) == E2_OK)
        #expect(out[0] == -16 && out[15] == 14 && out[16] == 14)
    }

    @Test("blocks are read with the bits of the reference", arguments: ReferenceBlock.all)
    func referenceBlocks(reference: ReferenceBlock) {
        let type = e2_type(rawValue: numericCast(reference.type))
        let block = numbers(reference.block, digits: 2)
        let expected = numbers(reference.values, digits: 8)
        var out = [Float](repeating: .nan, count: expected.count)
        #expect(e2_dequantize_row(type, block.map { UInt8($0) }, Int64(expected.count), &out) == E2_OK)
        #expect(bits(out) == expected)
    }

    /// Hexadecimal numbers of some digits each.
    private func numbers(_ text: String, digits: Int) -> [UInt32] {
        let characters = Array(text)
        return stride(from: 0, to: characters.count, by: digits).compactMap {
            UInt32(String(characters[$0..<$0 + digits]), radix: 16)
        }
    }

    @Test("packing some tiles at a time gives what packing all at once gives", arguments: allTypes)
    func packingRanges(type: e2_type) {
        var random = RandomNumbers(seed: 30)
        let cols = smallestColumns(type) * 3
        let w = TestMatrix(type: type, rows: 75, cols: cols, using: &random)
        let bytes = e2_packed_bytes(type, 75, Int64(cols))
        let whole = AlignedMemory(byteCount: bytes)
        #expect(e2_pack_rows(type, w.source, 75, Int64(cols), whole.base, 0, 5) == E2_OK)
        // The test matrix was packed tile by tile.
        let tiles = UnsafeRawBufferPointer(start: w.matrix.tiles, count: bytes)
        #expect(bytes % 64 == 0)
        #expect(tiles.elementsEqual(whole.bytes.prefix(bytes)))
    }

    @Test("half floats are those of the language, for all bit patterns", arguments: InstructionSet.all)
    func halfFloats(isa: InstructionSet) throws {
        let operations = try isa.operations
        let patterns = (0...UInt16.max).map { $0 }
        var floats = [Float](repeating: 0, count: patterns.count)
        operations.float_from_half(Int32(patterns.count), patterns, &floats)
        let wrong = zip(patterns, floats).filter { pattern, float in
            let expected = Float(Float16(bitPattern: pattern))
            return float.isNaN ? !expected.isNaN : float.bitPattern != expected.bitPattern
        }
        #expect(wrong.isEmpty)
        // Back, and numbers between: ties and neighbours.
        var random = RandomNumbers(seed: 6)
        var inputs = floats + floats.map { $0.nextUp } + floats.map { $0 * 1.00048828125 }
        inputs += (0..<4096).map { _ in Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &random)) }
        inputs += [65519.996, 65520, 1e30, -1e30, 5.9604645e-8, 2.9802322e-8, 2.9802326e-8]
        var halves = [UInt16](repeating: 0, count: inputs.count)
        operations.half_from_float(Int32(inputs.count), inputs, &halves)
        let wrongHalves = zip(inputs, halves).filter { input, half in
            let expected = Float16(input)
            return expected.isNaN ? !Float16(bitPattern: half).isNaN : half != expected.bitPattern
        }
        #expect(wrongHalves.isEmpty)
    }
}
