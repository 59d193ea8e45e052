import Domain
import Foundation
import HTTPTypes
import NIOCore

/// Writes answers of `/api/chat` and `/api/generate`: one line of JSON after another.
struct OllamaEncoder: AnswerEncoder {
    private let form: OllamaReader.Form
    private let model: String
    /// The call that is written; it is told when it is complete.
    private var call: FinishedCall?

    /// Makes the writer of one answer under the name that the client used.
    init(_ context: AnswerContext, _ form: OllamaReader.Form, model: String) {
        (self.form, self.model) = (form, model)
    }

    var headers: HTTPFields {
        var headers = ServerSentEvents.headers
        headers[.contentType] = "application/x-ndjson"
        return headers
    }

    /// Nothing can be written that is no part of an answer.
    var keepAlive: ByteBuffer? { nil }

    private static func line(_ value: JSONValue) -> ByteBuffer {
        var buffer = ByteBuffer(bytes: value.serialized())
        buffer.writeString("\n")
        return buffer
    }

    private static func object(
        _ form: OllamaReader.Form, _ model: String, _ text: String, thoughts: String = "", calls: [FinishedCall] = [],
        isDone: Bool
    ) -> JSONValue {
        let now = Date.now.ISO8601Format(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        let base: JSONValue = ["model": .string(model), "created_at": .string(now)]
        var content: JSONValue =
            form == .chat
            ? ["role": "assistant", "content": .string(text)] : ["response": .string(text)]
        if !thoughts.isEmpty { content = content.adding(["thinking": .string(thoughts)]) }
        if !calls.isEmpty {
            let told = calls.map { call -> JSONValue in
                ["function": ["name": .string(call.name), "arguments": call.object]]
            }
            content = content.adding(["tool_calls": .array(told)])
        }
        let done: JSONValue = ["done": .bool(isDone)]
        return base.adding(form == .chat ? ["message": content] : content).adding(done)
    }

    /// What a client is told that asks for nothing: the model is there.
    static func loaded(_ form: OllamaReader.Form, model: String) -> JSONValue {
        object(form, model, "", isDone: true).adding(["done_reason": "load"])
    }

    mutating func opening() -> [ByteBuffer] { [] }

    mutating func frames(for piece: AnswerPiece) -> [ByteBuffer] {
        switch piece {
        case .content(let text): return flush() + [Self.line(Self.object(form, model, text, isDone: false))]
        case .reasoning(let text):
            return flush() + [Self.line(Self.object(form, model, "", thoughts: text, isDone: false))]
        case .call(_, let name):
            let before = flush()
            call = FinishedCall(name: name)
            return before
        case .arguments(_, let text):
            call?.arguments += text
            return []
        }
    }

    private mutating func flush() -> [ByteBuffer] {
        guard let call else { return [] }
        self.call = nil
        return [Self.line(Self.object(form, model, "", calls: [call], isDone: false))]
    }

    mutating func closing(_ end: AnswerEnd) -> [ByteBuffer] {
        flush() + [Self.line(Self.object(form, model, "", isDone: true).adding(Self.figures(end)))]
    }

    mutating func failure(_ error: APIError) -> [ByteBuffer] {
        [Self.line(ErrorForm.ollama.body(error))]
    }

    func whole(_ choice: FinishedChoice, _ end: AnswerEnd) -> JSONValue {
        Self.object(form, model, choice.text, thoughts: choice.reasoning, calls: choice.calls, isDone: true)
            .adding(Self.figures(end))
    }

    /// Why it ended and how long it took, in nanoseconds. Nothing is loaded for a request.
    private static func figures(_ end: AnswerEnd) -> JSONValue {
        func span(_ from: Double?, _ to: Double?) -> JSONValue {
            guard let from, let to else { return 0 }
            return .integer(Int((max(0, to - from) * 1e9).rounded()))
        }
        let time = end.usage.times.first
        return [
            "done_reason": .string(end.reason == .length ? "length" : "stop"),
            "total_duration": span(time?.opened, time?.lastToken), "load_duration": 0,
            "prompt_eval_count": .integer(end.usage.promptTokens),
            "prompt_eval_duration": span(time?.accepted ?? time?.opened, time?.firstToken),
            "eval_count": .integer(end.usage.completionTokens),
            "eval_duration": span(time?.firstToken, time?.lastToken),
        ]
    }
}
