internal import Foundation

/// Log probabilities under the model's own distribution.
enum LogProbabilities {
    static func report(token: Int32, top count: Int, logits: Span<Float>, scratch: inout [Float]) -> SampledToken {
        let best = logits[Int(Sampler.greedy(logits))]
        guard best.isFinite else { return SampledToken(token: token, logProbability: 0) }
        Exponentials.weights(of: logits, best: best, scale: 1, into: &scratch)
        var total = 0.0
        for weight in scratch { total += Double(weight) }
        let normaliser = Double(best) + log(total)
        let top = TopSelection.best(count, of: logits).map {
            TokenProbability(token: $0.token, logProbability: Float(Double($0.logit) - normaliser))
        }
        return SampledToken(
            token: token, logProbability: Float(Double(logits[Int(token)]) - normaliser), top: top)
    }
}
