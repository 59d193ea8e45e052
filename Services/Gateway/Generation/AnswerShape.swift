import Domain
import Protocol

/// The JSON of answers, whole or in chunks, for one request.
struct AnswerShape: Sendable {
    let kind: GenerationKind
    let id: String
    let created: Int
    let model: String
    let fingerprint: String
    /// The name of its sequences on the wire.
    let name: String
    private let served: ServedModel
    private let syntax: ToolSyntax?

    /// Makes the shape of a new answer; `name` is that of its sequences on the wire, `created` in seconds since 1970.
    init(kind: GenerationKind, name: String, model: ServedModel, created: Int, syntax: ToolSyntax? = nil) {
        self.kind = kind
        self.name = name
        self.syntax = syntax
        id = (kind == .chat ? "chatcmpl-" : "cmpl-") + name
        self.created = created
        self.model = model.names.id
        served = model
        fingerprint = "e2llm-" + model.digest.rawValue.prefix(12)
    }

    /// The error that the client sees for what the fleet reported about its request.
    func error(_ error: Fault, for request: GenerationRequest) -> APIError {
        APIError(
            error, kind: request.kind, promptTokens: request.prompts.map(\.tokens.count).max() ?? 0,
            context: served.context, constraint: request.constraintField,
            sampling: request.logprobs == nil ? "logit_bias" : "logprobs")
    }

    private func envelope(_ object: String, _ choices: [JSONValue]) -> JSONValue {
        [
            "id": .string(id), "object": .string(object), "created": .integer(created), "model": .string(model),
            "system_fingerprint": .string(fingerprint), "choices": .array(choices),
        ]
    }

    /// The form of log probabilities, where they are asked for.
    func logprobs(_ request: GenerationRequest) -> LogprobsShape? {
        request.logprobs.map { LogprobsShape(served.vocabulary, top: $0) }
    }

    private func logprobs(_ choice: FinishedChoice, _ index: Int, of request: GenerationRequest) -> JSONValue {
        guard let form = logprobs(request) else { return .null }
        if kind == .chat { return form.chat(choice.scored) }
        var offset = TextOffset(prompt: request.echo(index))
        let prompt = form.completion(choice.promptScored, offset: &offset)
        offset.endPrompt()
        return prompt.joining(form.completion(choice.scored, offset: &offset))
    }

    /// The whole answer.
    func whole(_ choices: [FinishedChoice], usage: Usage, of request: GenerationRequest) -> JSONValue {
        let shaped = choices.enumerated().map { index, choice -> JSONValue in
            let common: JSONValue = [
                "logprobs": logprobs(choice, index, of: request), "finish_reason": .string(choice.reasonText),
                "stop_reason": choice.stop.json,
            ]
            let content: JSONValue =
                kind == .chat
                ? ["message": message(choice, index)]
                : ["text": .string(choice.text)]
            return (["index": .integer(index)] as JSONValue).adding(content).adding(common)
        }
        let base = envelope(kind == .chat ? "chat.completion" : "text_completion", shaped)
        return base.adding(["usage": usage.json]).adding(usage.timings)
    }

    private func message(_ choice: FinishedChoice, _ index: Int) -> JSONValue {
        let isEmpty = choice.text.isEmpty && !choice.calls.isEmpty
        var message: JSONValue = [
            "role": "assistant", "content": isEmpty ? .null : .string(choice.text), "refusal": .null,
        ]
        if !choice.reasoning.isEmpty { message = message.adding(["reasoning_content": .string(choice.reasoning)]) }
        guard !choice.calls.isEmpty else { return message }
        let calls = choice.calls.enumerated().map { number, call -> JSONValue in
            [
                "id": .string(callID(number, of: index)), "type": "function",
                "function": ["name": .string(call.name), "arguments": .string(call.arguments)],
            ]
        }
        return message.adding(["tool_calls": .array(calls)])
    }

    /// The identifier of a call.
    func callID(_ call: Int, of choice: Int) -> String {
        (syntax ?? .hermes).callID(name, choice: choice, call: call)
    }

    /// OpenAI's name of a finish reason.
    static func reasonText(_ reason: FinishReason, hasCalls: Bool) -> String {
        hasCalls && reason == .stop ? "tool_calls" : reason.rawValue
    }

    /// The first chunk of a chat choice.
    func opening(index: Int) -> JSONValue {
        chunk([choice(index, ["delta": ["role": "assistant", "content": ""]], nil)])
    }

    /// A chunk of text.
    func text(_ text: String, index: Int, logprobs: JSONValue = .null) -> JSONValue {
        let content: JSONValue =
            kind == .chat ? ["delta": ["content": .string(text)]] : ["text": .string(text)]
        return chunk([choice(index, content, nil, logprobs)])
    }

    /// A chunk of an answer that is read as more than text.
    func piece(_ piece: AnswerPiece, index: Int, logprobs: JSONValue = .null) -> JSONValue {
        let delta: JSONValue
        switch piece {
        case .content(let text): return self.text(text, index: index, logprobs: logprobs)
        case .reasoning(let text): delta = ["reasoning_content": .string(text)]
        case .call(let number, let name):
            delta = [
                "tool_calls": [
                    [
                        "index": .integer(number), "id": .string(callID(number, of: index)), "type": "function",
                        "function": ["name": .string(name), "arguments": ""],
                    ]
                ]
            ]
        case .arguments(let number, let text):
            delta = ["tool_calls": [["index": .integer(number), "function": ["arguments": .string(text)]]]]
        }
        return chunk([choice(index, ["delta": delta], nil, logprobs)])
    }

    /// The chunk that ends a choice.
    func closing(
        _ reason: FinishReason, stop: SequenceStream.StopCause?, hasCalls: Bool = false, index: Int
    ) -> JSONValue {
        let content: JSONValue = kind == .chat ? ["delta": .object([])] : ["text": ""]
        let text = Self.reasonText(reason, hasCalls: hasCalls)
        return chunk([choice(index, content, text).adding(["stop_reason": stop.json])])
    }

    /// The chunk with the usage of the whole request, without choices.
    func usage(_ usage: Usage) -> JSONValue {
        chunk([]).adding(["usage": usage.json, "metrics": usage.metrics]).adding(usage.timings)
    }

    private func chunk(_ choices: [JSONValue]) -> JSONValue {
        envelope(kind == .chat ? "chat.completion.chunk" : "text_completion", choices)
    }

    private func choice(
        _ index: Int, _ content: JSONValue, _ reason: String?, _ logprobs: JSONValue = .null
    ) -> JSONValue {
        (["index": .integer(index)] as JSONValue).adding(content).adding([
            "logprobs": logprobs, "finish_reason": reason.map { .string($0) } ?? .null,
        ])
    }
}

extension SequenceStream.StopCause? {
    /// vLLM's `stop_reason`: the string or token that ended the choice.
    var json: JSONValue {
        switch self {
        case .string(let text): .string(text)
        case .token(let token): .integer(Int(token))
        case nil: .null
        }
    }
}
