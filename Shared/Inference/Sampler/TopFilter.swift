internal import Domain

/// A candidate that passed top-k, top-p and min-p, with its weight relative to the best one.
struct WeightedCandidate {
    var token: Int32
    var weight: Float
}

/// Top-k, top-p and min-p over the best candidates, best first.
enum TopFilter {
    /// How many candidates are looked at first where only top-p limits them; grows until they hold enough.
    private static let firstLook = 64

    static func keep(
        _ logits: Span<Float>, parameters: SamplingParameters, scale: Float, scratch: inout [Float]
    ) -> [WeightedCandidate] {
        let limitedByCount = parameters.topK > 0 && parameters.topK < logits.count
        var count = limitedByCount ? parameters.topK : min(firstLook, logits.count)
        var total: Double?
        while true {
            let best = TopSelection.best(count, of: logits)
            guard let first = best.first else { return [] }
            var weights: [Float] = []
            let bestLogits = best.map(\.logit)
            Exponentials.weights(of: bestLogits.span, best: first.logit, scale: scale, into: &weights)
            var kept = zip(best, weights).map { WeightedCandidate(token: $0.token, weight: $1) }
            if parameters.topP < 1 {
                if total == nil {
                    if limitedByCount {
                        total = sum(weights)
                    } else {
                        Exponentials.weights(of: logits, best: first.logit, scale: scale, into: &scratch)
                        total = sum(scratch)
                    }
                }
                let (prefix, reached) = prefixLength(kept, mass: max(parameters.topP, 0) * (total ?? 0))
                if !reached && best.count == count && !limitedByCount && count < logits.count {
                    count = min(count * 8, logits.count)
                    continue
                }
                kept.removeLast(kept.count - prefix)
            }
            let smallest = Float(parameters.minP)
            return kept.filter { $0.weight >= smallest && $0.weight > 0 }
        }
    }

    private static func sum(_ weights: [Float]) -> Double {
        var total = 0.0
        for weight in weights { total += Double(weight) }
        return total
    }

    /// The shortest prefix that holds `mass`, at least one candidate; and whether the mass was reached.
    private static func prefixLength(_ kept: [WeightedCandidate], mass: Double) -> (length: Int, reached: Bool) {
        var held = 0.0
        for (index, candidate) in kept.enumerated() {
            held += Double(candidate.weight)
            if held >= mass { return (index + 1, true) }
        }
        return (kept.count, false)
    }
}
