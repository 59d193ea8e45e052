internal import Domain
internal import Foundation

/// Log probabilities under the model's own distribution.
enum LogProbabilities {
    /// How likely a token is, with the most likely ones.
    static func score(token: Int32, top count: Int, logits: Span<Float>, scratch: inout [Float]) -> TokenLikelihood {
        let told = report(token: token, top: count, logits: logits, scratch: &scratch)
        return TokenLikelihood(
            logProbability: told.logProbability ?? -.infinity,
            top: told.top.map { RankedToken(token: $0.token, logProbability: $0.logProbability) })
    }

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
