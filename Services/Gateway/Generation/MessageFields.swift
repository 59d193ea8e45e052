import Inference

/// What a message of a chat holds besides its role and text, for templates that know of it.
enum MessageFields {
    /// `tool_calls`, `tool_call_id`, `name` and `reasoning_content` of a message as clients write them.
    static func read(_ fields: RequestFields) throws(APIError) -> [TemplateValue.Member] {
        var result: [TemplateValue.Member] = []
        if let calls = try toolCalls(fields) { result.append(TemplateValue.Member("tool_calls", calls)) }
        for key in ["tool_call_id", "name", "reasoning_content"] {
            if let text = try fields.string(key) { result.append(TemplateValue.Member(key, .string(text))) }
        }
        return result
    }

    /// Calls of tools; `nil` where there are none.
    private static func toolCalls(_ fields: RequestFields) throws(APIError) -> TemplateValue? {
        let name = fields.name("tool_calls")
        guard let value = fields.value("tool_calls") else { return nil }
        guard let elements = value.elements else { throw APIError.invalid("\(name) must be an array", name) }
        guard !elements.isEmpty else { return nil }
        var calls: [TemplateValue] = []
        for (index, element) in elements.enumerated() {
            let call = try RequestFields(element, prefix: "\(name)[\(index)].")
            guard let function = call.value("function") else {
                throw APIError.invalid("\(call.name("function")) is missing", call.name("function"))
            }
            let inner = try RequestFields(function, prefix: call.name("function") + ".")
            guard try inner.string("name") != nil else {
                throw APIError.invalid("\(inner.name("name")) is missing", inner.name("name"))
            }
            calls.append(TemplateValue(withObjectOfArguments(element)))
        }
        return .array(calls)
    }

    /// Clients write arguments as a text that holds JSON; templates expect the object itself.
    private static func withObjectOfArguments(_ call: JSONValue) -> JSONValue {
        guard let text = call["function"]?["arguments"]?.text, let parsed = try? JSONParser.parse(Array(text.utf8)),
            parsed.members != nil
        else { return call }
        return call.replacing("function", call["function"]?.replacing("arguments", parsed) ?? .null)
    }
}
