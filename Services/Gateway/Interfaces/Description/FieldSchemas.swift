extension Operation.Field {
    /// Its JSON Schema. `null` counts as absent everywhere, so that a field that may be absent may be `null`.
    var schema: JSONValue {
        guard let type else { return Self.several[name] ?? .object([]) }
        let told: JSONValue = isRequired ? .string(type) : [.string(type), "null"]
        return (["type": told] as JSONValue).adding(Self.bounds[name] ?? .object([]))
    }

    private static let message: JSONValue = [
        "type": "object", "required": ["role"],
        "properties": ["role": ["type": "string"], "content": ["type": ["string", "array", "null"]]],
    ]

    /// What is said of fields besides their type.
    private static let bounds: [String: JSONValue] = [
        "messages": ["items": message], "tools": ["items": ["type": "object"]],
        "stop_sequences": ["items": ["type": "string"]], "tokens": ["items": ["type": "integer", "minimum": 0]],
        "temperature": ["minimum": 0, "maximum": 2], "top_p": ["minimum": 0, "maximum": 1],
        "top_k": ["minimum": -1], "n": ["minimum": 1], "max_tokens": ["minimum": 0],
        "max_completion_tokens": ["minimum": 1], "max_output_tokens": ["minimum": 1],
    ]

    /// Fields of more than one type.
    private static let several: [String: JSONValue] = [
        "stop": ["type": ["string", "array", "null"], "items": ["type": "string"]],
        "tool_choice": ["type": ["string", "object", "null"]], "logit_bias": ["type": ["object", "array", "null"]],
        "format": ["type": ["string", "object", "null"]], "think": ["type": ["boolean", "string", "null"]],
        "input": ["type": ["string", "array"]], "prompt": ["type": ["string", "array"]],
        "system": ["type": ["string", "array", "null"]],
    ]
}
