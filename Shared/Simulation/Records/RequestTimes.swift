public import Domain

/// What happened to one request, by its moments in seconds from the start of the run. The same record is written for
/// simulated and for measured runs.
public struct RequestTimes: Codable, Sendable, Hashable {
    /// How it ended.
    public enum Outcome: String, Codable, Sendable, Hashable {
        /// All tokens were generated.
        case finished
        /// It could not be taken.
        case refused
        /// It was taken, and broke off.
        case failed
        /// It had not ended when the run did.
        case open
    }

    /// The request.
    public var id: RequestID
    /// How it ended.
    public var outcome: Outcome = .open
    /// Tokens of its prompt.
    public var promptTokens: Int
    /// Tokens that were generated, the one that prefill produces included.
    public var outputTokens: Int
    /// The replica that prefilled it.
    public var prefillReplica: ReplicaID?
    /// The replica that decodes.
    public var decodeReplica: ReplicaID?
    /// Its arrival.
    public var arrival: Double
    /// First computation of its prompt.
    public var prefillStart: Double?
    /// Its first token: the end of its prefill.
    public var firstToken: Double?
    /// The decoder had room for its KV cache, so that the transfer could start; absent where nothing travels. In measured
    /// runs the start of prefill: room is reserved before.
    public var kvStart: Double?
    /// Its KV cache was complete on the decoder; absent where nothing travels.
    public var kvComplete: Double?
    /// Its first decode step began; absent for outputs of one token.
    public var decodeStart: Double?
    /// Its last token.
    public var end: Double?
    /// Seconds of decoding that were lost to other work (prompts on the same devices); 0 where that was not measured.
    public var stall = 0.0
    /// Times that it was lost and sent again.
    public var retries = 0
    /// Why it did not finish, for people.
    public var problem: String?

    /// Makes the record of a request that has just arrived.
    public init(id: RequestID, arrival: Double, promptTokens: Int, outputTokens: Int) {
        self.id = id
        self.arrival = arrival
        self.promptTokens = promptTokens
        self.outputTokens = outputTokens
    }

    /// Prefill start - arrival.
    public var prefillWait: Double? { prefillStart.map { max(0, $0 - arrival) } }
    /// Transfer start - prefill end: the decoder's memory was full.
    public var memoryWait: Double? {
        guard let firstToken else { return nil }
        return kvStart.map { max(0, $0 - firstToken) } ?? 0
    }
    /// Transfer time that prefill does not hide.
    public var transfer: Double? {
        guard let firstToken else { return nil }
        guard let kvStart, let kvComplete else { return 0 }
        return max(0, kvComplete - max(firstToken, kvStart))
    }
    /// First decode step - KV complete.
    public var decodeWait: Double? {
        guard let firstToken, let decodeStart else { return firstToken.map { _ in 0 } }
        return max(0, decodeStart - max(firstToken, kvComplete ?? firstToken))
    }
    /// The sum of the five parts: everything that is not the request's own computation.
    public var waiting: Double? {
        guard let prefillWait, let memoryWait, let transfer, let decodeWait else { return nil }
        return prefillWait + memoryWait + transfer + decodeWait + stall
    }
    /// Arrival to the first token.
    public var timeToFirstToken: Double? { firstToken.map { $0 - arrival } }
    /// Mean time between two tokens after the first; absent for outputs of one token.
    public var timePerOutputToken: Double? {
        guard let firstToken, let end, outputTokens > 1 else { return nil }
        return (end - firstToken) / Double(outputTokens - 1)
    }
    /// Arrival to the last token.
    public var total: Double? { end.map { $0 - arrival } }

    private enum CodingKeys: String, CodingKey {
        case id, outcome, retries, problem
        case promptTokens = "prompt_tokens"
        case outputTokens = "output_tokens"
        case prefillReplica = "prefill_replica"
        case decodeReplica = "decode_replica"
        case arrival = "arrival_s"
        case prefillStart = "prefill_start_s"
        case firstToken = "first_token_s"
        case kvStart = "kv_start_s"
        case kvComplete = "kv_complete_s"
        case decodeStart = "decode_start_s"
        case end = "end_s"
        case stall = "stall_s"
    }
}
