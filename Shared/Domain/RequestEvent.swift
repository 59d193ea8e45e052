/// What happened to a request: where it is on its way through the stages.
public struct RequestEvent: Codable, Sendable, Hashable {
    /// The moments of a request.
    public enum Moment: Sendable, Hashable {
        /// The first prefill step began.
        case prefillStarted
        /// The first token was sampled.
        case prefillFinished
        /// The KV cache is complete on all decoder stages.
        case kvComplete
        /// The first decode step began.
        case decodeStarted
        /// All stages have been told to free the sequence; the last moment.
        case finished(FinishReason?)
        /// A stage cannot go on.
        case failed(Fault)
    }

    /// The moment.
    public var moment: Moment
    /// Tokens generated so far, the continued ones included.
    public var generatedTokens: Int

    /// Makes the body.
    public init(_ moment: Moment, generatedTokens: Int = 0) {
        self.moment = moment
        self.generatedTokens = generatedTokens
    }

    private enum Kind: String, Codable {
        case finished, failed
        case prefillStarted = "prefill_started"
        case prefillFinished = "prefill_finished"
        case kvComplete = "kv_complete"
        case decodeStarted = "decode_started"
    }

    private enum CodingKeys: String, CodingKey {
        case kind, error
        case generatedTokens = "generated_tokens"
        case finishReason = "finish_reason"
    }

    /// Reads `kind` with what belongs to it; a failure without an error may be tried again.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        generatedTokens = try container.decode(Int.self, forKey: .generatedTokens)
        let reason = try container.decodeIfPresent(FinishReason.self, forKey: .finishReason)
        let error = try container.decodeIfPresent(Fault.self, forKey: .error)
        moment =
            switch try container.decode(Kind.self, forKey: .kind) {
            case .prefillStarted: .prefillStarted
            case .prefillFinished: .prefillFinished
            case .kvComplete: .kvComplete
            case .decodeStarted: .decodeStarted
            case .finished: .finished(reason)
            case .failed: .failed(error ?? Fault("failed", "a stage cannot go on", isRetriable: true))
            }
    }

    /// Writes `kind` with what belongs to it.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        let kind: Kind
        switch moment {
        case .prefillStarted: kind = .prefillStarted
        case .prefillFinished: kind = .prefillFinished
        case .kvComplete: kind = .kvComplete
        case .decodeStarted: kind = .decodeStarted
        case .finished(let reason):
            kind = .finished
            try container.encodeIfPresent(reason, forKey: .finishReason)
        case .failed(let fault):
            kind = .failed
            try container.encode(fault, forKey: .error)
        }
        try container.encode(kind, forKey: .kind)
        try container.encode(generatedTokens, forKey: .generatedTokens)
    }
}
