import Domain

/// The object of a response: what was asked, which is told again, and what became of it.
struct ResponseEcho: Sendable {
    private let asked: JSONValue

    /// Keeps what answers tell again of a body.
    init(_ body: JSONValue) {
        func value(_ key: String, _ other: JSONValue = .null) -> JSONValue {
            guard let value = body[key], !value.isNull else { return other }
            return value
        }
        asked = [
            "instructions": value("instructions"), "max_output_tokens": value("max_output_tokens"),
            "max_tool_calls": value("max_tool_calls"), "metadata": value("metadata", .object([])),
            "parallel_tool_calls": value("parallel_tool_calls", true), "previous_response_id": .null,
            "reasoning": value("reasoning", ["effort": .null, "summary": .null]), "background": false,
            "store": false, "temperature": value("temperature", 1), "top_p": value("top_p", 1),
            "text": value("text", ["format": ["type": "text"]]), "tool_choice": value("tool_choice", "auto"),
            "tools": value("tools", .array([])), "truncation": "disabled", "user": value("user"),
        ]
    }

    /// The response.
    func object(_ context: AnswerContext, status: String, output: [JSONValue], _ more: JSONValue) -> JSONValue {
        let base: JSONValue = [
            "id": .string("resp_" + context.name), "object": "response", "created_at": .integer(context.created),
            "status": .string(status), "model": .string(context.model), "output": .array(output),
        ]
        return base.adding(more).adding(asked)
    }

    /// The end of a response.
    func ended(_ context: AnswerContext, _ end: AnswerEnd, output: [JSONValue]) -> JSONValue {
        let isCut = end.reason == .length
        let details: JSONValue = isCut ? ["reason": "max_output_tokens"] : .null
        return object(
            context, status: isCut ? "incomplete" : "completed", output: output,
            ["error": .null, "incomplete_details": details, "usage": Self.usage(end.usage)])
    }

    private static func usage(_ usage: Usage) -> JSONValue {
        [
            "input_tokens": .integer(usage.promptTokens),
            "input_tokens_details": ["cached_tokens": .integer(usage.cachedTokens)],
            "output_tokens": .integer(usage.completionTokens),
            "output_tokens_details": ["reasoning_tokens": .integer(usage.reasoningTokens)],
            "total_tokens": .integer(usage.promptTokens + usage.completionTokens),
        ]
    }
}
