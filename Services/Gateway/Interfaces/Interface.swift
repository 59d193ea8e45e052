import Domain

/// An interface besides OpenAI's chats and completions: a reader of its bodies, which names what it cannot do.
struct Interface: Sendable {
    /// What a body leads to.
    enum Outcome: Sendable {
        /// An answer for which nothing is generated.
        case answer(JSONValue)
        /// A request.
        case request(Translation)
    }

    /// Reads a body.
    let read: @Sendable (JSONValue) throws(APIError) -> Outcome
}

/// A request of another interface as one of ours, and how its answer is written.
struct Translation: Sendable {
    /// What the body is one of.
    var kind = GenerationKind.chat
    /// A body of `/v1/chat/completions` or `/v1/completions`.
    var body: JSONValue
    /// Our names of fields with those that the client used, for errors.
    var names: [String: String] = [:]
    /// Makes the writer of the answer.
    var encoder: @Sendable (AnswerContext) -> any AnswerEncoder

    /// The checked request; it has one sequence.
    func request(_ reader: RequestReader) throws(APIError) -> GenerationRequest {
        do throws(APIError) {
            var request = try reader.read(body, kind: kind)
            request.constraintField = request.constraintField.map { names[$0] ?? $0 }
            return request
        } catch {
            throw error.renamed(names)
        }
    }
}

extension APIError {
    /// The error with a field's other name.
    func renamed(_ names: [String: String]) -> APIError {
        guard let parameter, let name = names[parameter] else { return self }
        var error = self
        error.parameter = name
        error.message = message.replacing(parameter, with: name, maxReplacements: 1)
        return error
    }
}

/// What an encoder knows of the answer before it begins.
struct AnswerContext: Sendable {
    /// The answer's own name.
    let name: String
    /// Seconds since 1970.
    let created: Int
    /// The model's id.
    let model: String
    /// Tokens of the prompt.
    let promptTokens: Int
    /// Most tokens of the output that were asked for.
    let maxTokens: Int
    /// The identifier of a call, by its number.
    let callID: @Sendable (Int) -> String

    init(
        name: String, created: Int, model: String, promptTokens: Int, maxTokens: Int = .max,
        callID: @escaping @Sendable (Int) -> String
    ) {
        (self.name, self.created, self.model) = (name, created, model)
        (self.promptTokens, self.maxTokens, self.callID) = (promptTokens, maxTokens, callID)
    }

    init(shape: AnswerShape, request: GenerationRequest) {
        self.init(
            name: shape.name, created: shape.created, model: shape.model, promptTokens: request.promptTokens,
            maxTokens: request.maxTokens, callID: { shape.callID($0, of: 0) })
    }
}

/// How an answer ended.
struct AnswerEnd: Sendable {
    var reason: FinishReason
    var stop: SequenceStream.StopCause?
    var hasCalls: Bool
    var usage: Usage

    init(_ reason: FinishReason, stop: SequenceStream.StopCause? = nil, hasCalls: Bool = false, usage: Usage) {
        (self.reason, self.stop, self.hasCalls, self.usage) = (reason, stop, hasCalls, usage)
    }

    /// The end of a choice that is complete.
    init(_ choice: FinishedChoice, usage: Usage) {
        self.init(choice.reason, stop: choice.stop, hasCalls: !choice.calls.isEmpty, usage: usage)
    }
}
