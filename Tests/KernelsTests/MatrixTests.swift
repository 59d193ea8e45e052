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
        let unit = smallestColumns(type)
        for rows in Array(1...17) + [25, 29, 61] {
            let cols = unit * (unit == 32 ? .random(in: 1...21, using: &random) : .random(in: 1...3, using: &random))
            let w = TestMatrix(type: type, rows: .random(in: 1...100, using: &random), cols: cols, using: &random)
            let x = random.floats(rows * w.cols, within: 4)
            let bias = random.floats(w.rows)
            for store in [E2_STORE, E2_STORE_BIAS, E2_STORE_ADD] {
                let reference = try product(.scalar, w, x, rows: rows, store: store, bias: bias)
                let result = try product(isa, w, x, rows: rows, store: store, bias: bias)
                #expect(bits(result) == bits(reference), "\(rows) rows times \(w.rows) x \(w.cols)")
            }
        }
    }

    @Test("the largest integers do not overflow", arguments: InstructionSet.others, allTypes)
    func extremes(isa: InstructionSet, type: e2_type) throws {
        var random = RandomNumbers(seed: 2)
        guard e2_type_block_values(type) > 1 else { return }
        let cols = max(64, smallestColumns(type))
        for byte: UInt8 in [0x00, 0xFF, 0x80, 0x7F] {
            let w = TestMatrix(type: type, rows: 16, cols: cols, using: &random, fill: byte)
            for sign: Float in [-1, 1] {
                for rows in [1, 3, 16] {
                    let x = [Float](repeating: sign, count: rows * cols)
                    let reference = try product(.scalar, w, x, rows: rows)
                    #expect(try bits(product(isa, w, x, rows: rows)) == bits(reference))
                }
            }
        }
    }

    @Test("a row's result does not depend on the rows beside it", arguments: InstructionSet.all)
    func rowsAreIndependent(isa: InstructionSet) throws {
        var random = RandomNumbers(seed: 3)
        for type in allTypes {
            let cols = max(96, smallestColumns(type))
            let w = TestMatrix(type: type, rows: 80, cols: cols, using: &random)
            let x = random.floats(30 * cols)
            let together = try product(isa, w, x, rows: 30)
            for row in [0, 1, 13, 29] {
                let alone = try product(isa, w, Array(x[row * cols..<(row + 1) * cols]), rows: 1)
                #expect(bits(alone) == bits(Array(together[row * 80..<(row + 1) * 80])))
            }
        }
    }

    @Test("the product is close to one in double precision", arguments: allTypes)
    func accuracy(type: e2_type) throws {
        var random = RandomNumbers(seed: 4)
        let cols = smallestColumns(type) == 32 ? 320 : 512
        let w = TestMatrix(type: type, rows: 50, cols: cols, using: &random)
        let x = random.floats(2 * cols)
        let values = w.values()
        let result = try product(.scalar, w, x, rows: 2)
        var error = 0.0
        var size = 0.0
        for row in 0..<2 {
            for output in 0..<50 {
                let exact = (0..<cols).reduce(0.0) {
                    $0 + Double(values[output * cols + $1]) * Double(x[row * cols + $1])
                }
                error += (exact - Double(result[row * 50 + output])) * (exact - Double(result[row * 50 + output]))
                size += exact * exact
            }
        }
        let quantised = e2_type_block_values(type) > 1
        #expect((error / size).squareRoot() < (quantised ? 0.01 : 1e-6))
    }

    @Test("infinite and undefined inputs end in undefined outputs", arguments: InstructionSet.others)
    func undefined(isa: InstructionSet) throws {
        var random = RandomNumbers(seed: 5)
        for type in allTypes {
            let cols = max(64, smallestColumns(type))
            let w = TestMatrix(type: type, rows: 20, cols: cols, using: &random)
            for poison in [Float.nan, .infinity, -.infinity] {
                var x = random.floats(2 * cols)
                x[5] = poison
                let reference = try product(.scalar, w, x, rows: 2)
                #expect(try bits(product(isa, w, x, rows: 2)) == bits(reference))
                #expect(reference[..<20].allSatisfy { !$0.isFinite })
                #expect(reference[20...].allSatisfy { $0.isFinite })
            }
        }
    }
}
