/// One sequence's part of a step.
public struct StepPart: Codable, Sendable, Hashable {
    /// The request.
    public var request: RequestID
    /// Position of the first row.
    public var start: Int
    /// Rows.
    public var count: Int
    /// Whether the last row's logits are sampled.
    public var sample: Bool
    /// The generated token that is the input of a decode row; absent for prompt rows. The last stage completes its history
    /// with it.
    public var inputToken: Int32?
    /// Tokens that may follow the input token, one a row behind it; `nil` where nothing is guessed. The last stage samples row by
    /// row as long as a guess is what was sampled, and what the rows behind have left in the KV cache is overwritten by the
    /// next step. (since 1.2, capability `step.guesses`)
    public var guesses: [Int32]?

    /// Makes a part.
    public init(
        request: RequestID, start: Int, count: Int, sample: Bool, inputToken: Int32? = nil, guesses: [Int32]? = nil
    ) {
        self.guesses = guesses
        self.request = request
        self.start = start
        self.count = count
        self.sample = sample
        self.inputToken = inputToken
    }

    private enum CodingKeys: String, CodingKey {
        case request, start, count, sample, guesses
        case inputToken = "input_token"
    }
}

/// A token sampled by the last stage. A sequence for which tokens were guessed may have several in a step, in their order.
public struct StepResult: Codable, Sendable, Hashable {
    /// The request.
    public var request: RequestID
    /// The token.
    public var token: Int32
    /// Set where the sequence ends with it.
    public var finishReason: FinishReason?

    /// Makes a result.
    public init(request: RequestID, token: Int32, finishReason: FinishReason? = nil) {
        self.request = request
        self.token = token
        self.finishReason = finishReason
    }

    private enum CodingKeys: String, CodingKey {
        case request, token
        case finishReason = "finish_reason"
    }
}
