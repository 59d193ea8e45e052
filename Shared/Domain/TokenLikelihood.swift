/// How likely a token was under the model's own distribution: temperature 1, without penalties, biases, filters or constraints.
public struct TokenLikelihood: Sendable, Hashable {
    /// Natural logarithm of its probability.
    public var logProbability: Float
    /// The most likely tokens at its place, best first, as many as were asked for.
    public var top: [RankedToken]

    /// Most likely tokens that may be asked for.
    public static let mostTop = 20
    /// Most positions of a prompt in one message.
    public static let mostPositions = 512

    /// Makes a score.
    public init(logProbability: Float, top: [RankedToken] = []) {
        self.logProbability = logProbability
        self.top = top
    }
}

/// One of the most likely tokens of a place.
public struct RankedToken: Sendable, Hashable {
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
