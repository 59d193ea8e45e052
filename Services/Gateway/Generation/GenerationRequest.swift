import Domain

/// Which of the two interfaces a request uses.
enum GenerationKind: Sendable, Hashable {
    case chat
    case completion
}

/// Bounds of what one request may ask for.
struct RequestLimits: Sendable, Hashable {
    /// Most choices of one prompt.
    var choices = 8
    /// Most prompts of a request, and most sequences: choices times prompts.
    var prompts = 128
    /// Tokens to generate where the client does not say; `nil`: as many as the context holds.
    var defaultMaxTokens: Int?
    /// Most messages of a chat.
    var messages = 2048
    /// Most stop strings.
    var stopStrings = 16
    /// Most bytes of a stop string.
    var stopStringBytes = 512
    /// Most stop tokens.
    var stopTokens = 128
    /// Most bytes of a salt.
    var saltBytes = 256
    /// Most bytes of all prompts.
    var promptBytes = 1 << 20
}

/// A checked request: what to generate and how to answer.
struct GenerationRequest: Sendable {
    /// The interface.
    var kind: GenerationKind
    /// One entry per prompt; each is generated `choices` times.
    var prompts: [Prompt]
    /// Choices per prompt.
    var choices = 1
    /// How tokens are chosen; choice i adds i to the seed.
    var sampling: SamplingParameters
    /// Most tokens to generate per sequence; `Int.max` where only the context limits them.
    var maxTokens: Int
    /// Fewest tokens.
    var minTokens = 0
    /// Tokens that end a sequence.
    var stopTokens: [Int32] = []
    /// Texts that end a sequence.
    var stopStrings: [String] = []
    /// Whether a stop string stays in the text.
    var includesStopString = false
    /// Whether the answer is a stream of events.
    var streams = false
    /// Whether a stream ends with a usage chunk.
    var includesUsage = false
    /// Whether every chunk has usage.
    var usageInEveryChunk = false
    /// Only requests with the same salt share KV cache.
    var cacheSalt: String?
    /// Whether the prompt is repeated before the output.
    var echoes = false
    /// How many of the most likely tokens are told with each token; `nil`: no log probabilities at all.
    var logprobs: Int?
    /// Whether the log probabilities of the prompt are all that is wanted.
    var hidesOutput = false
    /// What the output must follow.
    var constraint: SamplingConstraint?
    /// The client's field that asks for the constraint.
    var constraintField: String?
    /// How calls and channels are told from text; `nil` where all output is text.
    var reading: AnswerReading?

    /// One prompt.
    struct Prompt: Sendable, Hashable {
        /// Its tokens.
        var tokens: [Int32]
        /// Its text where it is repeated in the answer.
        var text = ""
    }

    /// The sequences, choice by choice: index = prompt * choices + choice.
    func demands(context: Int) -> [SequenceDemand] {
        prompts.flatMap { prompt in
            (0..<choices).map { choice in
                var sampling = sampling
                sampling.seed &+= UInt64(choice)
                // What is promised may shrink after the lengths were checked; then the scheduler says so.
                let room = max(1, min(maxTokens, context - prompt.tokens.count))
                return SequenceDemand(
                    prompt: prompt.tokens, sampling: sampling,
                    stop: StopConditions(maxTokens: room, minTokens: min(minTokens, room), stopTokens: stopTokens),
                    stopStrings: stopStrings, includesStopString: includesStopString,
                    cacheSalt: cacheSalt, constraint: constraint, hidesOutput: hidesOutput)
            }
        }
    }
}
