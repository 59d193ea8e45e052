import Domain
import Protocol

/// The JSON of answers, whole or in chunks, for one request.
struct AnswerShape: Sendable {
    let kind: GenerationKind
    let id: String
    let created: Int
    let model: String
    let fingerprint: String
    private let served: ServedModel

    /// Makes the shape of a new answer; `name` is that of its sequences on the wire, `created` in seconds since 1970.
    init(kind: GenerationKind, name: String, model: ServedModel, created: Int) {
        self.kind = kind
        id = (kind == .chat ? "chatcmpl-" : "cmpl-") + name
        self.created = created
        self.model = model.name
        served = model
        fingerprint = "e2llm-" + model.digest.rawValue.prefix(12)
    }

    /// The error that the client sees for what the fleet reported about its request.
    func error(_ error: Fault, for request: GenerationRequest) -> APIError {
        APIError(
            error, kind: request.kind, promptTokens: request.prompts.map(\.tokens.count).max() ?? 0,
            context: served.context)
    }

    private func envelope(_ object: String, _ choices: [JSONValue]) -> JSONValue {
        [
            "id": .string(id), "object": .string(object), "created": .integer(created), "model": .string(model),
            "system_fingerprint": .string(fingerprint), "choices": .array(choices),
        ]
    }

    /// The whole answer.
    func whole(_ choices: [FinishedChoice], usage: Usage) -> JSONValue {
        let shaped = choices.enumerated().map { index, choice -> JSONValue in
            let common: JSONValue = [
                "logprobs": .null, "finish_reason": .string(choice.reason.rawValue), "stop_reason": choice.stop.json,
            ]
            let content: JSONValue =
                kind == .chat
                ? ["message": ["role": "assistant", "content": .string(choice.text), "refusal": .null]]
                : ["text": .string(choice.text)]
            return (["index": .integer(index)] as JSONValue).adding(content).adding(common)
        }
        let base = envelope(kind == .chat ? "chat.completion" : "text_completion", shaped)
        return base.adding(["usage": usage.json]).adding(usage.timings)
    }

    /// The first chunk of a chat choice.
    func opening(index: Int) -> JSONValue {
        chunk([choice(index, ["delta": ["role": "assistant", "content": ""]], nil)])
    }

    /// A chunk of text.
    func text(_ text: String, index: Int) -> JSONValue {
        let content: JSONValue =
            kind == .chat ? ["delta": ["content": .string(text)]] : ["text": .string(text)]
        return chunk([choice(index, content, nil)])
    }

    /// The chunk that ends a choice.
    func closing(_ reason: FinishReason, stop: SequenceStream.StopCause?, index: Int) -> JSONValue {
        let content: JSONValue = kind == .chat ? ["delta": .object([])] : ["text": ""]
        return chunk([choice(index, content, reason).adding(["stop_reason": stop.json])])
    }

    /// The chunk with the usage of the whole request, without choices.
    func usage(_ usage: Usage) -> JSONValue {
        chunk([]).adding(["usage": usage.json, "metrics": usage.metrics]).adding(usage.timings)
    }

    private func chunk(_ choices: [JSONValue]) -> JSONValue {
        envelope(kind == .chat ? "chat.completion.chunk" : "text_completion", choices)
    }

    private func choice(_ index: Int, _ content: JSONValue, _ reason: FinishReason?) -> JSONValue {
        (["index": .integer(index)] as JSONValue).adding(content).adding([
            "logprobs": .null, "finish_reason": reason.map { .string($0.rawValue) } ?? .null,
        ])
    }
}

/// A choice that is complete.
struct FinishedChoice: Sendable, Hashable {
    var text: String
    var reason: FinishReason
    var stop: SequenceStream.StopCause?
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
