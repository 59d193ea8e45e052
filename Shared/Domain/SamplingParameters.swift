/// How the next token is chosen from the logits; randomness depends only on the seed and the position of the token.
public struct SamplingParameters: Codable, Sendable, Hashable {
    /// 0 takes the most likely token.
    public var temperature: Double
    /// Keep the `topK` most likely tokens; 0 keeps all.
    public var topK: Int
    /// Keep the most likely tokens whose probabilities add up to `topP`; 1 keeps all.
    public var topP: Double
    /// Keep tokens at least `minP` times as likely as the most likely one; 0 keeps all.
    public var minP: Double
    /// Divides positive and multiplies negative logits of tokens seen in prompt or output; 1 is off.
    public var repetitionPenalty: Double
    /// Subtracted once from the logits of tokens in the output.
    public var presencePenalty: Double
    /// Subtracted per occurrence from the logits of tokens in the output.
    public var frequencyPenalty: Double
    /// Seed of the random numbers.
    public var seed: UInt64
    /// What is added to the logits of some tokens, each at most once; absent where nothing is. Only to workers with the
    /// capability `sampling.logits` (since 1.2).
    public var logitBias: [LogitBias]?
    /// How many of the most likely tokens are told with every token of the output, besides its own log probability; absent where
    /// nothing is told. Only to workers with the capability `sampling.logits` (since 1.2).
    public var topScores: Int?
    /// The same with every token of the prompt but the first; the prompt is computed in full then. Only to workers with the
    /// capability `sampling.logits` (since 1.2).
    public var promptScores: Int?

    /// Most tokens of `logitBias`.
    public static let mostBiases = 1024

    /// Makes parameters; the defaults sample from the model's own distribution.
    public init(
        temperature: Double = 1, topK: Int = 0, topP: Double = 1, minP: Double = 0, repetitionPenalty: Double = 1,
        presencePenalty: Double = 0, frequencyPenalty: Double = 0, seed: UInt64 = 0, logitBias: [LogitBias]? = nil,
        topScores: Int? = nil, promptScores: Int? = nil
    ) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.minP = minP
        self.repetitionPenalty = repetitionPenalty
        self.presencePenalty = presencePenalty
        self.frequencyPenalty = frequencyPenalty
        self.seed = seed
        self.logitBias = logitBias
        self.topScores = topScores
        self.promptScores = promptScores
    }

    /// Whether a worker needs the capability `sampling.logits`.
    public var readsLogits: Bool { logitBias != nil || topScores != nil || promptScores != nil }

    /// What is beyond what may be asked for, of parameters that came from elsewhere.
    public var problem: String? {
        if let logitBias {
            guard logitBias.count <= Self.mostBiases else { return "logit_bias has \(logitBias.count) tokens" }
            guard logitBias.allSatisfy({ $0.bias.isFinite && $0.token >= 0 }) else {
                return "logit_bias has a token below 0 or a bias that is no number"
            }
        }
        for count in [topScores, promptScores] {
            if let count, !(0...TokenLikelihood.mostTop).contains(count) {
                return "\(count) most likely tokens are asked for"
            }
        }
        return nil
    }

    private enum CodingKeys: String, CodingKey {
        case temperature, seed
        case topK = "top_k"
        case topP = "top_p"
        case minP = "min_p"
        case repetitionPenalty = "repetition_penalty"
        case presencePenalty = "presence_penalty"
        case frequencyPenalty = "frequency_penalty"
        case logitBias = "logit_bias"
        case topScores = "top_logprobs"
        case promptScores = "prompt_logprobs"
    }
}

/// A number that is added to the logit of a token before everything else.
public struct LogitBias: Codable, Sendable, Hashable {
    /// The token.
    public var token: Int32
    /// What is added.
    public var bias: Float

    /// What is added where a token must never be chosen.
    public static let never: Float = -1e30

    /// Makes a bias.
    public init(token: Int32, bias: Float) {
        self.token = token
        self.bias = bias
    }
}

/// When generation ends.
public struct StopConditions: Codable, Sendable, Hashable {
    /// Most tokens to generate, at least 1.
    public var maxTokens: Int
    /// Fewest tokens before a stop token may end the sequence.
    public var minTokens: Int
    /// Tokens that end the sequence (end-of-generation tokens of the model included by the gateway).
    public var stopTokens: [Int32]

    /// Makes conditions.
    public init(maxTokens: Int, minTokens: Int = 0, stopTokens: [Int32] = []) {
        self.maxTokens = maxTokens
        self.minTokens = minTokens
        self.stopTokens = stopTokens
    }

    private enum CodingKeys: String, CodingKey {
        case maxTokens = "max_tokens"
        case minTokens = "min_tokens"
        case stopTokens = "stop_tokens"
    }
}

/// Why a request ended.
public enum FinishReason: String, Codable, Sendable, Hashable {
    /// A stop token (or, at the gateway, a stop string).
    case stop
    /// The most tokens asked for, or the end of the context.
    case length
    /// Cancelled.
    case abort
    /// A fault.
    case error
}
