import Domain
import NIOCore

/// Writes answers of `/v1/messages`: one block after another, of thoughts, text or a call.
struct AnthropicEncoder: AnswerEncoder {
    private enum Block: Hashable {
        case text
        case thinking
        case call(Int)
    }

    private let context: AnswerContext
    private var open: Block?
    /// Number of the block that is open, or of the next one.
    private var index = 0

    /// Makes the writer of one answer.
    init(_ context: AnswerContext) { self.context = context }

    var keepAlive: ByteBuffer? { Self.event("ping") }

    private static func event(_ type: String, _ members: JSONValue = .object([])) -> ByteBuffer {
        ServerSentEvents.frame((["type": .string(type)] as JSONValue).adding(members), named: type)
    }

    private func message(_ content: [JSONValue], _ reason: JSONValue, _ stop: JSONValue, _ usage: JSONValue)
        -> JSONValue
    {
        [
            "id": .string("msg_" + context.name), "type": "message", "role": "assistant",
            "model": .string(context.model), "content": .array(content), "stop_reason": reason,
            "stop_sequence": stop, "usage": usage,
        ]
    }

    mutating func opening() -> [ByteBuffer] {
        // How much of the prompt is in the KV cache is known at the end.
        let usage: JSONValue = [
            "input_tokens": .integer(context.promptTokens), "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0, "output_tokens": 0,
        ]
        return [
            Self.event("message_start", ["message": message([], .null, .null, usage)]), Self.event("ping"),
        ]
    }

    mutating func frames(for piece: AnswerPiece) -> [ByteBuffer] {
        switch piece {
        case .content(let text): delta(.text, ["type": "text_delta", "text": .string(text)])
        case .reasoning(let text): delta(.thinking, ["type": "thinking_delta", "thinking": .string(text)])
        case .call(let number, let name):
            begin(
                .call(number),
                [
                    "type": "tool_use", "id": .string(context.callID(number)), "name": .string(name),
                    "input": .object([]),
                ])
        case .arguments(_, let text):
            [
                Self.event(
                    "content_block_delta",
                    [
                        "index": .integer(index),
                        "delta": ["type": "input_json_delta", "partial_json": .string(text)],
                    ])
            ]
        }
    }

    private mutating func delta(_ block: Block, _ delta: JSONValue) -> [ByteBuffer] {
        var frames: [ByteBuffer] = []
        if open != block {
            frames = begin(
                block,
                block == .text
                    ? ["type": "text", "text": ""] : ["type": "thinking", "thinking": "", "signature": ""])
        }
        return frames + [Self.event("content_block_delta", ["index": .integer(index), "delta": delta])]
    }

    private mutating func begin(_ block: Block, _ content: JSONValue) -> [ByteBuffer] {
        let ended = end()
        open = block
        return ended + [Self.event("content_block_start", ["index": .integer(index), "content_block": content])]
    }

    private mutating func end() -> [ByteBuffer] {
        guard open != nil else { return [] }
        defer {
            open = nil
            index += 1
        }
        return [Self.event("content_block_stop", ["index": .integer(index)])]
    }

    mutating func closing(_ end: AnswerEnd) -> [ByteBuffer] {
        let delta: JSONValue = ["stop_reason": .string(reason(end)), "stop_sequence": stop(end)]
        return self.end() + [
            Self.event("message_delta", ["delta": delta, "usage": Self.usage(end.usage)]),
            Self.event("message_stop"),
        ]
    }

    mutating func failure(_ error: APIError) -> [ByteBuffer] {
        [ServerSentEvents.frame(ErrorForm.anthropic.body(error), named: "error")]
    }

    func whole(_ choice: FinishedChoice, _ end: AnswerEnd) -> JSONValue {
        var content: [JSONValue] = []
        if !choice.reasoning.isEmpty {
            content.append(["type": "thinking", "thinking": .string(choice.reasoning), "signature": ""])
        }
        if !choice.text.isEmpty { content.append(["type": "text", "text": .string(choice.text)]) }
        for (number, call) in choice.calls.enumerated() {
            content.append([
                "type": "tool_use", "id": .string(context.callID(number)), "name": .string(call.name),
                "input": call.object,
            ])
        }
        return message(content, .string(reason(end)), stop(end), Self.usage(end.usage))
    }

    /// The tokens of the prompt are told apart by whether they were in the KV cache.
    private static func usage(_ usage: Usage) -> JSONValue {
        [
            "input_tokens": .integer(usage.promptTokens - usage.cachedTokens), "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": .integer(usage.cachedTokens),
            "output_tokens": .integer(usage.completionTokens),
        ]
    }

    private func reason(_ end: AnswerEnd) -> String {
        switch end.reason {
        case .length:
            end.usage.completionTokens < context.maxTokens ? "model_context_window_exceeded" : "max_tokens"
        case _ where end.hasCalls: "tool_use"
        default: stop(end) == .null ? "end_turn" : "stop_sequence"
        }
    }

    private func stop(_ end: AnswerEnd) -> JSONValue {
        if case .string(let text) = end.stop { .string(text) } else { .null }
    }
}
