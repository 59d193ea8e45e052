import Foundation
import Kernels

/// One layer in double precision, written from the definition of the architecture: nothing shared with the kernels.
struct ReferenceLayer {
    let model: TestModel
    let layer: Int

    private func product(_ matrix: Int, _ x: [Double]) -> [Double] {
        let values = model.values(layer: layer, matrix: matrix)
        let rows = values.count / x.count
        return (0..<rows).map { row in
            x.indices.reduce(0) { $0 + Double(values[row * x.count + $1]) * x[$1] }
        }
    }

    private func norm(_ x: [Double], _ weight: UnsafePointer<Float>?) -> [Double] {
        guard let weight else { return x }
        let mean = x.reduce(0) { $0 + $1 * $1 } / Double(x.count)
        return x.enumerated().map { $1 / (mean + 1e-5).squareRoot() * Double(weight[$0]) }
    }

    private func heads(
        _ x: [Double], bias: UnsafePointer<Float>?, norm weight: UnsafePointer<Float>?, position: Int?
    ) -> [[Double]] {
        let shape = model.shape
        let biased = x.enumerated().map { index, value in bias.map { value + Double($0[index]) } ?? value }
        return stride(from: 0, to: x.count, by: shape.headDim).map { start in
            var head = norm(Array(biased[start..<start + shape.headDim]), weight)
            guard let position else { return head }
            let half = shape.ropeDimensions / 2
            let base = model.layers[layer].local_rope ? TestModel.localBase : TestModel.base
            for i in 0..<half {
                let angle = Double(position) * pow(base, -2 * Double(i) / Double(shape.ropeDimensions))
                let (a, b) = shape.pairing == E2_ROPE_ADJACENT ? (2 * i, 2 * i + 1) : (i, i + half)
                let (x, y) = (head[a], head[b])
                head[a] = x * cos(angle) - y * sin(angle)
                head[b] = x * sin(angle) + y * cos(angle)
            }
            return head
        }
    }

    private func activation(_ x: Double) -> Double {
        switch model.shape.activation {
        case E2_GELU: 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        default: x / (1 + exp(-x))
        }
    }

    /// All positions of one sequence from 0.
    func forward(_ rows: [[Double]]) -> [[Double]] {
        let shape = model.shape
        let weights = model.layers[layer]
        var keys: [[[Double]]] = []
        var values: [[[Double]]] = []
        return rows.enumerated().map { position, row in
            let x = norm(row, weights.attention_norm)
            let query = heads(product(0, x), bias: weights.query_bias, norm: weights.query_norm, position: position)
            keys.append(heads(product(1, x), bias: weights.key_bias, norm: weights.key_norm, position: position))
            values.append(heads(product(2, x), bias: weights.value_bias, norm: nil, position: nil))
            var attention: [Double] = []
            for (index, head) in query.enumerated() {
                let kv = index / (shape.heads / shape.kvHeads)
                let window = Int(weights.window)
                let first = window > 0 ? max(position - window + 1, 0) : 0
                let scores = keys[first...].map { key in
                    zip(head, key[kv]).reduce(0) { $0 + $1.0 * $1.1 } / Double(shape.headDim).squareRoot()
                }
                let largest = scores.max() ?? 0
                let p = scores.map { exp($0 - largest) }
                let sum = p.reduce(0, +)
                for d in 0..<shape.headDim {
                    attention.append(zip(p, values[first...]).reduce(0) { $0 + $1.0 * $1.1[kv][d] } / sum)
                }
            }
            let middle = zip(row, norm(product(3, attention), weights.attention_post_norm)).map { $0 + $1 }
            let y = norm(middle, weights.ffn_norm)
            let activated = zip(product(4, y), product(5, y)).map { activation($0) * $1 }
            return zip(middle, norm(product(6, activated), weights.ffn_post_norm)).map { $0 + $1 }
        }
    }
}
