/// How well a model predicts a text.
public struct PerplexityFigures: Sendable, Codable, Hashable {
    /// The exponential of `nll`.
    public var perplexity: Double
    /// Mean negative log likelihood per scored token, in nats.
    public var nll: Double
    /// Standard error of the perplexity, where tokens are taken as independent.
    public var standardError: Double
    /// Scored tokens.
    public var tokens: Int
    /// Chunks.
    public var chunks: Int
    /// Tokens of a chunk.
    public var context: Int
    /// Seconds of computing, loading not counted.
    public var seconds: Double

    enum CodingKeys: String, CodingKey {
        case perplexity, nll, tokens, chunks, context, seconds
        case standardError = "perplexity_error"
    }
}
