import Kernels
import Testing

@Suite("Accuracy of layers and head")
struct AccuracyTests {
    /// Float weights leave the KV cache as the only rounding; 8-bit activations dominate with the others.
    @Test("layers are close to a plain implementation in double precision", arguments: LayerTests.shapes)
    func layers(shape: TestModel.Shape) throws {
        var exactShape = shape
        exactShape.types = [E2_TYPE_F32]
        #expect(try layerError(exactShape) < (shape.kvType == E2_KV_F16 ? 1e-3 : 2e-2))
        #expect(try layerError(shape) < 0.1)
    }

    private func layerError(_ shape: TestModel.Shape) throws -> Double {
        let model = TestModel(shape: shape, seed: 20)
        var random = RandomNumbers(seed: 21)
        let rows = 37
        let hidden = random.floats(rows * shape.hidden)
        let pool = try TestPool(model: model, threads: 2)
        let result = try pool.forward([(TestSequence(model: model), hidden)])[0]
        var reference = (0..<rows).map { row in
            hidden[row * shape.hidden..<(row + 1) * shape.hidden].map { Double($0) }
        }
        for layer in 0..<shape.layers { reference = ReferenceLayer(model: model, layer: layer).forward(reference) }
        var error = 0.0
        var size = 0.0
        for (value, exact) in zip(result, reference.joined()) {
            error += (Double(value) - exact) * (Double(value) - exact)
            size += exact * exact
        }
        return (error / size).squareRoot()
    }

    @Test("the head gives the same bits for any threads, rows and instruction set")
    func head() throws {
        var random = RandomNumbers(seed: 22)
        for type in [E2_TYPE_Q8_0, E2_TYPE_Q4_1, E2_TYPE_F16] {
            let w = TestMatrix(type: type, rows: 333, cols: 64, using: &random)
            let hidden = random.floats(40 * 64)
            let norm = random.floats(64)
            let all = try logits(w, hidden, norm, rows: (0..<40).map(Int32.init), threads: 1, isa: .scalar)
            for isa in InstructionSet.all {
                for threads: Int32 in 1...3 {
                    for rows: [Int32] in [[39], [5, 5, 0], (0..<20).reversed()] {
                        let some = try logits(w, hidden, norm, rows: rows, threads: threads, isa: isa)
                        let expected = rows.flatMap { all[Int($0) * 333..<(Int($0) + 1) * 333] }
                        #expect(bits(some) == bits(expected))
                    }
                }
            }
        }
    }

    private func logits(
        _ w: TestMatrix, _ hidden: [Float], _ norm: [Float], rows: [Int32], threads: Int32, isa: InstructionSet
    ) throws -> [Float] {
        let pool = e2_pool_create(threads)
        defer { e2_pool_destroy(pool) }
        e2_pool_use_isa(pool, try isa.pointer)
        let memory = AlignedMemory(
            byteCount: e2_head_scratch_bytes(Int32(w.cols), Int32(rows.count), threads))
        var out = [Float](repeating: 0, count: rows.count * w.rows)
        var matrix = w.matrix
        let status = e2_head_forward(
            pool, norm, 1e-5, &matrix, hidden, rows, Int32(rows.count), &out,
            e2_scratch(memory: memory.bytes.baseAddress, bytes: memory.bytes.count))
        #expect(status == E2_OK)
        return out
    }
}
