internal import Foundation

/// Negative log likelihoods of tokens, added up.
struct TokenScore {
    private(set) var count = 0
    private var sum = 0.0
    private var sumOfSquares = 0.0
    private var weights: [Float] = []

    /// Adds that `next` followed where the model gave these logits.
    mutating func add(_ logits: Span<Float>, next: Int32) throws {
        guard logits.indices.contains(Int(next)) else {
            throw InferenceError(.invalidInput, "token \(next) is not in a vocabulary of \(logits.count)")
        }
        let best = logits[Int(Sampler.greedy(logits))]
        guard best.isFinite, logits[Int(next)].isFinite else {
            throw InferenceError(.kernel, "the model gave logits that are not finite")
        }
        Exponentials.weights(of: logits, best: best, scale: 1, into: &weights)
        let total = weights.reduce(0.0) { $0 + Double($1) }
        let value = Double(best) + log(total) - Double(logits[Int(next)])
        count += 1
        sum += value
        sumOfSquares += value * value
    }

    /// Per token.
    var mean: Double { sum / Double(max(count, 1)) }

    /// Of the mean, where tokens are taken as independent.
    var standardErrorOfMean: Double {
        guard count > 1 else { return 0 }
        let variance = sumOfSquares / Double(count) - mean * mean
        return (max(variance, 0) / Double(count - 1)).squareRoot()
    }
}
