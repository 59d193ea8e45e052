internal import Kernels

/// One matrix and some rows of activations, ready to be multiplied by all threads of a pool.
@safe final class MatrixRun {
    private let matrix: e2_matrix
    private let rows: Int
    private let kernels: UnsafePointer<e2_isa_ops>
    private let pool: ComputePool
    private let values: AlignedMemory
    private let blocks: AlignedMemory
    private let output: AlignedMemory

    init(matrix: e2_matrix, rows: Int, kernels: UnsafePointer<e2_isa_ops>, pool: ComputePool) throws {
        unsafe self.matrix = unsafe matrix
        self.rows = rows
        unsafe self.kernels = unsafe kernels
        self.pool = pool
        let inputs = unsafe rows * Int(matrix.cols)
        values = try AlignedMemory(bytes: inputs * 4)
        blocks = try AlignedMemory(bytes: inputs / 32 * MemoryLayout<e2_qblock>.stride)
        output = unsafe try AlignedMemory(bytes: rows * Int(matrix.rows) * 4)
        let floats = unsafe values.base.bindMemory(to: Float.self, capacity: inputs)
        for index in 0..<inputs {
            unsafe floats[index] = Float(CounterRandom.uniform(seed: 1, counter: UInt64(index))) - 0.5
        }
        unsafe kernels.pointee.quantize(
            floats, Int32(inputs / 32), blocks.base.bindMemory(to: e2_qblock.self, capacity: inputs / 32))
    }

    /// The shortest of as many products as fit `budget` seconds, after one to warm up.
    func bestSeconds(budget: Double) -> Double {
        let clock = BenchmarkClock(repetitions: 1)
        multiply()
        var best = Double.infinity
        var spent = 0.0
        repeat {
            let seconds = clock.once(multiply).1
            best = min(best, seconds)
            spent += seconds
        } while spent < budget
        return best
    }

    private func multiply() {
        let tiles = unsafe Int(e2_tile_count(Int64(matrix.rows)))
        // The same pieces as in a step.
        let piece = pool.threads == 1 ? tiles : max(tiles / (pool.threads * 4), 1)
        pool.forEach((tiles + piece - 1) / piece) { index in
            unsafe withUnsafePointer(to: matrix) { matrix in
                unsafe kernels.pointee.matmul(
                    matrix, Int32(index * piece), Int32(min((index + 1) * piece, tiles)),
                    e2_input(
                        blocks: UnsafePointer(blocks.base.assumingMemoryBound(to: e2_qblock.self)),
                        values: UnsafePointer(values.base.assumingMemoryBound(to: Float.self))),
                    Int32(rows), E2_STORE, nil, output.base.assumingMemoryBound(to: Float.self),
                    Int(matrix.pointee.rows))
            }
        }
    }
}
