internal import Domain

/// Penalties on tokens that the sequence has seen, and biases of tokens.
enum Penalties {
    static func areActive(_ parameters: SamplingParameters) -> Bool {
        parameters.repetitionPenalty != 1 || parameters.presencePenalty != 0 || parameters.frequencyPenalty != 0
            || parameters.logitBias?.isEmpty == false
    }

    /// Copies the logits, adds biases, and lowers those of seen tokens: repetition divides positive and multiplies negative logits of
    /// tokens of prompt and output; presence and frequency count the output only.
    static func apply(
        _ parameters: SamplingParameters, history: TokenHistory, to logits: Span<Float>, into adjusted: inout [Float]
    ) {
        adjusted.removeAll(keepingCapacity: true)
        unsafe logits.withUnsafeBufferPointer { unsafe adjusted.append(contentsOf: $0) }
        for bias in parameters.logitBias ?? [] {
            guard let index = Int(exactly: bias.token), adjusted.indices.contains(index) else { continue }
            adjusted[index] += bias.bias
        }
        let repetition = Float(parameters.repetitionPenalty)
        for (token, count) in history.outputCounts {
            guard let index = Int(exactly: token), adjusted.indices.contains(index) else { continue }
            var logit = adjusted[index]
            if repetition != 1 && repetition > 0 {
                logit = logit > 0 ? logit / repetition : logit * repetition
            }
            if count > 0 {
                logit -= Float(count) * Float(parameters.frequencyPenalty) + Float(parameters.presencePenalty)
            }
            adjusted[index] = logit
        }
    }
}
