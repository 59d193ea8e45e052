import Kernels
import Testing

@Suite("Matrix products")
struct MatrixTests {
    /// Output of a product by one instruction set.
    private func product(
        _ isa: InstructionSet, _ w: TestMatrix, _ x: [Float], rows: Int, store: e2_store = E2_STORE, bias: [Float] = []
    ) throws -> [Float] {
        let operations = try isa.operations
        let matrix = w.matrix
        var blocks = [e2_qblock](repeating: e2_qblock(), count: x.count / 32)
        var out = (0..<rows * w.rows).map { Float($0 % 7) - 3 }
        withUnsafePointer(to: matrix) { matrix in
            operations.quantize(x, Int32(x.count / 32), &blocks)
            x.withUnsafeBufferPointer { x in
                blocks.withUnsafeBufferPointer { blocks in
                    let input = e2_input(blocks: blocks.baseAddress, values: x.baseAddress)
                    let tiles = e2_tile_count(Int64(w.rows))
                    operations.matmul(
                        matrix, 0, tiles / 2, input, Int32(rows), store, bias, &out, w.rows)
                    operations.matmul(
                        matrix, tiles / 2, tiles, input, Int32(rows), store, bias, &out, w.rows)
                }
            }
        }
        return out
    }

    @Test("every instruction set gives the bits of the scalar reference", arguments: InstructionSet.others, allTypes)
    func agreement(isa: InstructionSet, type: e2_type) throws {
        var random = RandomNumbers(seed: 1)
        for rows in [1, 2, 3, 4, 5, 7, 8, 11, 12, 13, 16, 17, 25, 29, 61] {
            let w = TestMatrix(
                type: type, rows: .random(in: 1...100, using: &random), cols: 32 * .random(in: 1...7, using: &random),
                using: &random)
            let x = random.floats(rows * w.cols, within: 4)
            let bias = random.floats(w.rows)
            for store in [E2_STORE, E2_STORE_BIAS, E2_STORE_ADD] {
                let reference = try product(.scalar, w, x, rows: rows, store: store, bias: bias)
                let result = try product(isa, w, x, rows: rows, store: store, bias: bias)
                #expect(bits(result) == bits(reference), "\(rows) rows times \(w.rows) x \(w.cols)")
            }
        }
    }

    @Test("the largest integers do not overflow", arguments: InstructionSet.others, [E2_TYPE_Q4_0, E2_TYPE_Q8_0])
    func extremes(isa: InstructionSet, type: e2_type) throws {
        var random = RandomNumbers(seed: 2)
        for byte: UInt8 in [0x00, 0xFF, 0x80, 0x7F] {
            let w = TestMatrix(type: type, rows: 16, cols: 64, using: &random, fill: byte)
            for sign: Float in [-1, 1] {
                let x = [Float](repeating: sign, count: 3 * 64)
                let reference = try product(.scalar, w, x, rows: 3)
                #expect(try bits(product(isa, w, x, rows: 3)) == bits(reference))
            }
        }
    }

    @Test("a row's result does not depend on the rows beside it", arguments: InstructionSet.all)
    func rowsAreIndependent(isa: InstructionSet) throws {
        var random = RandomNumbers(seed: 3)
        for type in allTypes {
            let w = TestMatrix(type: type, rows: 80, cols: 96, using: &random)
            let x = random.floats(30 * 96)
            let together = try product(isa, w, x, rows: 30)
            for row in [0, 1, 13, 29] {
                let alone = try product(isa, w, Array(x[row * 96..<(row + 1) * 96]), rows: 1)
                #expect(bits(alone) == bits(Array(together[row * 80..<(row + 1) * 80])))
            }
        }
    }

    @Test("the product is close to one in double precision", arguments: allTypes)
    func accuracy(type: e2_type) throws {
        var random = RandomNumbers(seed: 4)
        let w = TestMatrix(type: type, rows: 50, cols: 320, using: &random)
        let x = random.floats(2 * 320)
        let values = w.values()
        let result = try product(.scalar, w, x, rows: 2)
        var error = 0.0
        var size = 0.0
        for row in 0..<2 {
            for output in 0..<50 {
                let exact = (0..<320).reduce(0.0) { $0 + Double(values[output * 320 + $1]) * Double(x[row * 320 + $1]) }
                error += (exact - Double(result[row * 50 + output])) * (exact - Double(result[row * 50 + output]))
                size += exact * exact
            }
        }
        let quantised = type != E2_TYPE_F32 && type != E2_TYPE_F16
        #expect((error / size).squareRoot() < (quantised ? 0.01 : 1e-6))
    }

    @Test("infinite and undefined inputs end in undefined outputs", arguments: InstructionSet.others)
    func undefined(isa: InstructionSet) throws {
        var random = RandomNumbers(seed: 5)
        for type in allTypes {
            let w = TestMatrix(type: type, rows: 20, cols: 64, using: &random)
            for poison in [Float.nan, .infinity, -.infinity] {
                var x = random.floats(2 * 64)
                x[5] = poison
                let reference = try product(.scalar, w, x, rows: 2)
                #expect(try bits(product(isa, w, x, rows: 2)) == bits(reference))
                #expect(reference[..<20].allSatisfy { !$0.isFinite })
                #expect(reference[20...].allSatisfy { $0.isFinite })
            }
        }
    }
}
