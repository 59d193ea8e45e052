/// A token with its log probability under the model's own distribution (temperature 1, no penalties, no filters).
public struct TokenProbability: Sendable, Hashable {
    /// The token.
    public var token: Int32
    /// Natural logarithm of its probability.
    public var logProbability: Float

    /// Makes a pair.
    public init(token: Int32, logProbability: Float) {
        self.token = token
        self.logProbability = logProbability
    }
}

/// What the sampler chose.
public struct SampledToken: Sendable, Hashable {
    /// The token.
    public var token: Int32
    /// Its log probability, where log probabilities were asked for.
    public var logProbability: Float?
    /// The most likely tokens, best first, as many as were asked for.
    public var top: [TokenProbability]

    /// Makes a result.
    public init(token: Int32, logProbability: Float? = nil, top: [TokenProbability] = []) {
        self.token = token
        self.logProbability = logProbability
        self.top = top
    }
}
