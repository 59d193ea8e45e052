/// Sums over everything that a stage has computed; differences of two reports give rates.
public struct StageCounters: Codable, Sendable, Hashable {
    /// Prompt tokens processed.
    public var prefillTokens: Int
    /// Seconds that their steps took.
    public var prefillSeconds: Double
    /// Decode steps.
    public var decodeSteps: Int
    /// Rows in them, summed: sequences and tokens that were guessed for them.
    public var decodeRows: Int
    /// Seconds that they took.
    public var decodeSeconds: Double
    /// Bytes of KV cache sent to or received from other replicas.
    public var kvTransferBytes: Int
    /// Tokens guessed, told by first stages.
    public var guessedTokens: Int
    /// Guesses among them that were right.
    public var acceptedTokens: Int

    /// Makes counters.
    public init(
        prefillTokens: Int = 0, prefillSeconds: Double = 0, decodeSteps: Int = 0, decodeRows: Int = 0,
        decodeSeconds: Double = 0, kvTransferBytes: Int = 0, guessedTokens: Int = 0, acceptedTokens: Int = 0
    ) {
        self.guessedTokens = guessedTokens
        self.acceptedTokens = acceptedTokens
        self.prefillTokens = prefillTokens
        self.prefillSeconds = prefillSeconds
        self.decodeSteps = decodeSteps
        self.decodeRows = decodeRows
        self.decodeSeconds = decodeSeconds
        self.kvTransferBytes = kvTransferBytes
    }

    private enum CodingKeys: String, CodingKey {
        case prefillTokens = "prefill_tokens"
        case prefillSeconds = "prefill_s"
        case decodeSteps = "decode_steps"
        case decodeRows = "decode_rows"
        case decodeSeconds = "decode_s"
        case kvTransferBytes = "kv_transfer_bytes"
        case guessedTokens = "guessed_tokens"
        case acceptedTokens = "accepted_tokens"
    }

    /// Reads counters; who guesses nothing does not speak of it.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        prefillTokens = try container.decode(Int.self, forKey: .prefillTokens)
        prefillSeconds = try container.decode(Double.self, forKey: .prefillSeconds)
        decodeSteps = try container.decode(Int.self, forKey: .decodeSteps)
        decodeRows = try container.decode(Int.self, forKey: .decodeRows)
        decodeSeconds = try container.decode(Double.self, forKey: .decodeSeconds)
        kvTransferBytes = try container.decode(Int.self, forKey: .kvTransferBytes)
        guessedTokens = try container.decodeIfPresent(Int.self, forKey: .guessedTokens) ?? 0
        acceptedTokens = try container.decodeIfPresent(Int.self, forKey: .acceptedTokens) ?? 0
    }

    /// Writes counters.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(prefillTokens, forKey: .prefillTokens)
        try container.encode(prefillSeconds, forKey: .prefillSeconds)
        try container.encode(decodeSteps, forKey: .decodeSteps)
        try container.encode(decodeRows, forKey: .decodeRows)
        try container.encode(decodeSeconds, forKey: .decodeSeconds)
        try container.encode(kvTransferBytes, forKey: .kvTransferBytes)
        if guessedTokens > 0 {
            try container.encode(guessedTokens, forKey: .guessedTokens)
            try container.encode(acceptedTokens, forKey: .acceptedTokens)
        }
    }
}

extension StageCounters {
    /// Adds what another stage of the same worker computed.
    public static func += (left: inout StageCounters, right: StageCounters) {
        left.prefillTokens += right.prefillTokens
        left.prefillSeconds += right.prefillSeconds
        left.decodeSteps += right.decodeSteps
        left.decodeRows += right.decodeRows
        left.decodeSeconds += right.decodeSeconds
        left.kvTransferBytes += right.kvTransferBytes
        left.guessedTokens += right.guessedTokens
        left.acceptedTokens += right.acceptedTokens
    }
}
