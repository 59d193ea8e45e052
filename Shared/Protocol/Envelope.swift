public import Domain

/// The protocol's name and version, the first frame of every message.
public enum ProtocolVersion {
    /// The bytes of frame 0.
    public static let identifier = "E2LLM/1"
    /// The number in it.
    static let major = 1
    /// The minor version. Peers tell theirs when they register; what a peer of an older one cannot do is not asked of it.
    public static let minor = 2
    /// The least minor version of a worker: 1.0 has no `stage.release`.
    public static let leastWorkerMinor = 1
}

/// Names of what a peer may be able to do beyond its minor version; told in `worker.hello`.
public enum Capability {
    /// A worker hands running sequences over to another replica with their KV cache (`request.move`, `sequence.move`).
    public static let sequenceMove = "sequence.move"
    /// A worker lets sequences grow beyond what was reserved for them (`capacity_tokens` of `request.start`).
    public static let sequenceGrow = "sequence.grow"
    /// A worker keeps KV cache of sequences that ended and begins others with it (`prefix_cache` of `request.start`).
    public static let prefixReuse = "prefix.reuse"
    /// A worker keeps KV cache of prompts that it hands over, too, and hands over, or is handed, only what is missing
    /// (`prefill_capacity_tokens` of `request.start`).
    public static let prefixHandover = "prefix.handover"
    /// A worker computes guessed tokens behind a sequence's next one (`speculation` of `request.start`, `guesses` of a step's part).
    public static let stepGuesses = "step.guesses"
    /// A worker samples only what follows a constraint (`constraint` of `request.start`).
    public static let samplingGrammar = "sampling.grammar"
    /// A worker adds biases to logits and tells log probabilities (`logit_bias`, `top_logprobs` and `prompt_logprobs` of `sampling`).
    public static let samplingLogits = "sampling.logits"
}

/// Whether a reply reports success.
public enum ReplyStatus: String, Codable, Sendable, Hashable {
    /// The body is the answer.
    case ok
    /// The body is a `Fault`.
    case error
}

/// Frame 1 of a message: who it answers, what it is about, and in which plan it is valid.
public struct Envelope: Codable, Sendable, Hashable {
    /// The type of the message, which names the type of its body.
    public var type: MessageType
    /// Identifies this message within its session.
    public var id: String
    /// The `id` of the message that this one answers.
    public var replyTo: String?
    /// The sending process; a restart changes it.
    public var session: String
    /// The request that the message is about.
    public var request: RequestID?
    /// The epoch of the plan that the sender works in.
    public var epoch: Epoch?
    /// Position in a sequence of messages (token messages of one request, for example).
    public var seq: UInt64?
    /// Set on replies.
    public var status: ReplyStatus?
    /// Set on the last message of a sequence.
    public var final: Bool?
    /// Milliseconds that the sender waits for the outcome, counted from receipt.
    public var deadlineMilliseconds: UInt64?

    /// Makes an envelope.
    public init(
        type: MessageType, id: String, replyTo: String? = nil, session: String, request: RequestID? = nil,
        epoch: Epoch? = nil, seq: UInt64? = nil, status: ReplyStatus? = nil, final: Bool? = nil,
        deadlineMilliseconds: UInt64? = nil
    ) {
        self.type = type
        self.id = id
        self.replyTo = replyTo
        self.session = session
        self.request = request
        self.epoch = epoch
        self.seq = seq
        self.status = status
        self.final = final
        self.deadlineMilliseconds = deadlineMilliseconds
    }

    private enum CodingKeys: String, CodingKey {
        case type, id, session, request, epoch, seq, status, final
        case replyTo = "reply_to"
        case deadlineMilliseconds = "deadline_ms"
    }
}

/// The type of a message; types that a receiver does not know are answered with an error, so any text is kept.
public struct MessageType: Identifier {
    /// The text.
    public let rawValue: String
    /// Makes a type.
    public init(rawValue: String) { self.rawValue = rawValue }
}

/// A body without fields.
public struct EmptyBody: Codable, Sendable, Hashable {
    /// Makes the body.
    public init() {}
}
