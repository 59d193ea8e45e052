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

    /// Makes a part.
    public init(request: RequestID, start: Int, count: Int, sample: Bool, inputToken: Int32? = nil) {
        self.request = request
        self.start = start
        self.count = count
        self.sample = sample
        self.inputToken = inputToken
    }

    private enum CodingKeys: String, CodingKey {
        case request, start, count, sample
        case inputToken = "input_token"
    }
}

/// A token sampled by the last stage.
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
