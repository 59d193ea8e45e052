public import Domain
internal import Kernels

/// Chooses the next token from the logits of the last position.
///
/// The choice depends only on the arguments: logits, parameters, history and position. Steps in order: biases, penalties,
/// temperature, top-k, top-p (over what top-k kept), min-p, draw. Among equal logits the lower token ranks first, so a
/// greedy choice is the lowest token with the largest logit. The random number of position `p` is
/// `CounterRandom.uniform(seed, p)`; exponentials come from the kernels and sums run in a fixed order, so every device
/// draws the same token. The value only keeps scratch memory between calls.
public struct Sampler {
    /// Temperatures below this are greedy.
    private static let smallestTemperature = 1e-5
    private var adjusted: [Float] = []
    private var weights: [Float] = []

    /// Makes a sampler.
    public init() {}

    /// Chooses a token.
    ///
    /// - Parameters:
    ///   - logits: One value per token of the vocabulary.
    ///   - parameters: How to choose.
    ///   - history: Tokens of prompt and output, for the penalties.
    ///   - position: Index of the new token in its sequence (prompt included).
    ///   - topLogProbabilities: How many most likely tokens to report; `nil` reports no log probabilities at all.
    /// - Throws: `notFinite` where the largest logit is no finite number: nothing could be chosen but an arbitrary token.
    public mutating func sample(
        logits: Span<Float>, parameters: SamplingParameters, history: TokenHistory, position: Int,
        topLogProbabilities: Int? = nil
    ) throws(InferenceError) -> SampledToken {
        let token: Int32
        if Penalties.areActive(parameters) {
            Penalties.apply(parameters, history: history, to: logits, into: &adjusted)
            let penalized = adjusted
            token = try Self.choose(penalized.span, parameters: parameters, position: position, weights: &weights)
        } else {
            token = try Self.choose(logits, parameters: parameters, position: position, weights: &weights)
        }
        guard let count = topLogProbabilities else { return SampledToken(token: token) }
        return LogProbabilities.report(token: token, top: count, logits: logits, scratch: &weights)
    }

    /// How likely a token is under the model's own distribution, with the most likely ones; a token beyond the logits is impossible.
    public mutating func score(_ token: Int32, top count: Int, logits: Span<Float>) -> TokenLikelihood {
        guard token >= 0, Int(token) < logits.count else { return TokenLikelihood(logProbability: -.infinity) }
        return LogProbabilities.score(token: token, top: count, logits: logits, scratch: &weights)
    }

    private static func choose(
        _ logits: Span<Float>, parameters: SamplingParameters, position: Int, weights: inout [Float]
    ) throws(InferenceError) -> Int32 {
        let best = greedy(logits)
        guard best >= 0, best < logits.count, logits[Int(best)].isFinite else {
            let value = logits.isEmpty ? Float.nan : logits[Int(max(best, 0))]
            let largest = value.isNaN ? "not a number" : "\(value)"
            throw InferenceError(
                .notFinite,
                "no token can be chosen for position \(position): the largest logit is \(largest); the weights of the model "
                    + "are damaged, or its values overflow")
        }
        guard parameters.temperature >= smallestTemperature, parameters.topK != 1 else { return best }
        let draw = CounterRandom.uniform(seed: parameters.seed, counter: UInt64(bitPattern: Int64(position)))
        let scale = Float(1 / parameters.temperature)
        let keepsAll = parameters.topK <= 0 || parameters.topK >= logits.count
        if keepsAll && parameters.topP >= 1 {
            return drawFromAll(
                logits, best: logits[Int(best)], scale: scale, smallest: Float(parameters.minP), draw: draw,
                fallback: best, weights: &weights)
        }
        let kept = TopFilter.keep(logits, parameters: parameters, scale: scale, scratch: &weights)
        return drawFromBest(kept, draw: draw, fallback: best)
    }

    /// The lowest token with the largest logit; NaN counts as the smallest.
    public static func greedy(_ logits: Span<Float>) -> Int32 {
        unsafe logits.withUnsafeBufferPointer { values in
            unsafe values.baseAddress.map { unsafe Int32(e2_argmax(values.count, $0)) } ?? 0
        }
    }

    private static func drawFromAll(
        _ logits: Span<Float>, best: Float, scale: Float, smallest: Float, draw: Double, fallback: Int32,
        weights: inout [Float]
    ) -> Int32 {
        Exponentials.weights(of: logits, best: best, scale: scale, into: &weights)
        var total = 0.0
        for weight in weights where weight >= smallest { total += Double(weight) }
        var rest = draw * total
        for index in weights.indices where weights[index] >= smallest && weights[index] > 0 {
            rest -= Double(weights[index])
            if rest < 0 { return Int32(index) }
        }
        return fallback
    }

    private static func drawFromBest(_ kept: [WeightedCandidate], draw: Double, fallback: Int32) -> Int32 {
        var total = 0.0
        for candidate in kept { total += Double(candidate.weight) }
        var rest = draw * total
        for candidate in kept {
            rest -= Double(candidate.weight)
            if rest < 0 { return candidate.token }
        }
        return fallback
    }
}
