import Foundation
import Kernels
import Testing

@Suite("Vector operations")
struct VectorTests {
    private static let lengths: [Int32] = [1, 7, 8, 15, 16, 17, 31, 32, 64, 100, 576, 1537]

    @Test("every instruction set gives the bits of the scalar reference", arguments: InstructionSet.others)
    func agreement(isa: InstructionSet) throws {
        let a = try InstructionSet.scalar.operations
        let b = try isa.operations
        var random = RandomNumbers(seed: 7)
        for n in Self.lengths {
            let count = Int(n)
            for limit: Float in [1, 100, 1e20, 1e-35] {
                var x = random.floats(count, within: limit)
                if limit == 100 && count > 8 { x.replaceSubrange(0..<4, with: [.nan, .infinity, -.infinity, -0.0]) }
                let y = random.floats(count)
                var p = [Float](repeating: 0, count: count)
                var q = p
                a.exp(n, x, &p)
                b.exp(n, x, &q)
                #expect(bits(p) == bits(q), "exp")
                a.rmsnorm(n, x, y, 1e-5, &p)
                b.rmsnorm(n, x, y, 1e-5, &q)
                #expect(bits(p) == bits(q), "rmsnorm")
                (p, q) = (x, x)
                a.silu_mul(n, &p, y)
                b.silu_mul(n, &q, y)
                #expect(bits(p) == bits(q), "silu")
                #expect(bits([a.sum(n, x)]) == bits([b.sum(n, x)]), "sum")
                if n % 32 == 0 { #expect(blocks(a, x) == blocks(b, x), "quantize") }
                if n % 2 == 0 {
                    for pairing in [E2_ROPE_ADJACENT, E2_ROPE_HALVES] {
                        (p, q) = (x, x)
                        a.rope(n, pairing, y, &p)
                        b.rope(n, pairing, y, &q)
                        #expect(bits(p) == bits(q), "rope")
                    }
                }
            }
        }
    }

    /// All numbers of the blocks, comparable.
    private func blocks(_ operations: e2_isa_ops, _ x: [Float]) -> [[UInt32]] {
        var out = [e2_qblock](repeating: e2_qblock(), count: x.count / 32)
        operations.quantize(x, Int32(x.count / 32), &out)
        return out.map { block in
            let values = withUnsafeBytes(of: block.values) { $0.map { UInt32($0) } }
            let sums = [UInt32(bitPattern: block.sum), UInt32(bitPattern: block.first_sum)]
            return bits([block.scale, block.scaled_sum]) + sums + values
        }
    }

    @Test("quantised activations are the nearest integers")
    func quantisation() throws {
        let operations = try InstructionSet.scalar.operations
        var random = RandomNumbers(seed: 8)
        let x = random.floats(320, within: 3)
        var out = [e2_qblock](repeating: e2_qblock(), count: 10)
        operations.quantize(x, 10, &out)
        for (index, block) in out.enumerated() {
            let values = withUnsafeBytes(of: block.values) { $0.map { Int8(bitPattern: $0) } }
            let largest = x[index * 32..<index * 32 + 32].map(abs).max() ?? 0
            #expect(block.scale == largest / 127)
            #expect(block.sum == values.reduce(0) { $0 + Int32($1) })
            #expect(block.first_sum == values.prefix(16).reduce(0) { $0 + Int32($1) })
            #expect(block.scaled_sum == block.scale * Float(block.sum))
            for (value, original) in zip(values, x[(index * 32)...]) {
                #expect(abs(Float(value) * block.scale - original) <= block.scale * 0.50001)
            }
        }
    }

    @Test("exp and silu are accurate")
    func functions() throws {
        let operations = try InstructionSet.scalar.operations
        let x = stride(from: Float(-90), through: 90, by: 0.0137).map { $0 }
        var y = [Float](repeating: 0, count: x.count)
        operations.exp(Int32(x.count), x, &y)
        for (x, y) in zip(x, y) where x >= -87 && x <= 88 {
            #expect(abs(Double(y) / Foundation.exp(Double(x)) - 1) < 2.5e-7)
        }
        #expect(y[0] == 0)
        var special = [Float](repeating: 0, count: 3)
        operations.exp(3, [0, -.infinity, .nan], &special)
        #expect(special[0] == 1 && special[1] == 0 && special[2].isNaN)
        var gate = x
        operations.silu_mul(Int32(x.count), &gate, [Float](repeating: 1, count: x.count))
        for (x, y) in zip(x, gate) {
            let exact = Double(x) / (1 + Foundation.exp(-Double(x)))
            #expect(abs(Double(y) - exact) < 1e-6 * max(1, abs(exact)))
        }
    }

    @Test("RMSNorm and sum are close to double precision")
    func reductions() throws {
        let operations = try InstructionSet.scalar.operations
        var random = RandomNumbers(seed: 9)
        let x = random.floats(577)
        let w = random.floats(577)
        var y = [Float](repeating: 0, count: 577)
        operations.rmsnorm(577, x, w, 1e-5, &y)
        let mean = x.reduce(0.0) { $0 + Double($1) * Double($1) } / 577
        for i in 0..<577 {
            #expect(abs(Double(y[i]) - Double(x[i]) / (mean + 1e-5).squareRoot() * Double(w[i])) < 1e-6)
        }
        #expect(abs(Double(operations.sum(577, x)) - x.reduce(0.0) { $0 + Double($1) }) < 1e-4)
    }

    @Test("rope frequencies and sampling weights are accurate")
    func frequencies() {
        var out = [Double](repeating: 0, count: 32)
        let factors = (0..<32).map { Float($0 + 1) }
        e2_rope_frequencies(64, 500_000, 0.25, factors, &out)
        for i in 0..<32 {
            let exact = pow(500_000, -2 * Double(i) / 64) * 0.25 / Double(i + 1)
            #expect(abs(out[i] / exact - 1) < 1e-14)
        }
        var weights = [Float](repeating: 0, count: 300)
        let x = (0..<300).map { $0 == 7 ? Float.nan : Float($0) * -0.1 }
        e2_exp_weights(300, x, 0, 2, &weights)
        #expect(weights[0] == 1 && weights[7] == 0)
        #expect(abs(Double(weights[299]) / Foundation.exp(Double(x[299] * 2)) - 1) < 1e-6)
        #expect(e2_argmax(4, [.nan, 1, 5, 5]) == 2)
        #expect(e2_argmax(1, [.nan]) == 0)
    }
}
