/// Reads `system` and `messages` of Anthropic's bodies as messages of a chat.
enum AnthropicMessages {
    /// The messages, that of the system first.
    static func read(_ fields: RequestFields) throws(APIError) -> [JSONValue] {
        guard let elements = fields.value("messages")?.elements else {
            throw APIError.invalid("messages must be an array of messages", "messages")
        }
        guard !elements.isEmpty else { throw APIError.invalid("messages is empty", "messages") }
        var result: [JSONValue] = []
        if let system = fields.value("system") {
            let texts = try blocks(system, "system").map { block throws(APIError) in try text(block) }
            if !texts.isEmpty { result.append(["role": "system", "content": .array(texts)]) }
        }
        for (index, element) in elements.enumerated() {
            let message = try RequestFields(element, prefix: "messages[\(index)].")
            let name = message.name("content")
            guard let content = message.value("content") else { throw APIError.invalid("\(name) is missing", name) }
            let blocks = try blocks(content, name)
            switch try message.string("role") {
            case "user": result += try user(blocks)
            case "assistant": result.append(try assistant(blocks))
            default:
                throw APIError.invalid("\(message.name("role")) must be user or assistant", message.name("role"))
            }
        }
        return result
    }

    /// The blocks of a content; a string is one.
    private static func blocks(_ value: JSONValue, _ name: String) throws(APIError) -> [RequestFields] {
        if value.text != nil { return [try RequestFields(["type": "text", "text": value], prefix: name + ".")] }
        guard let elements = value.elements else {
            throw APIError.invalid("\(name) must be a string or an array of blocks", name)
        }
        var result: [RequestFields] = []
        for (index, element) in elements.enumerated() {
            result.append(try RequestFields(element, prefix: "\(name)[\(index)]."))
        }
        return result
    }

    private static func text(_ block: RequestFields) throws(APIError) -> JSONValue {
        guard try block.string("type") == "text" else { throw unsupported(block) }
        return ["type": "text", "text": .string(try required("text", of: block))]
    }

    private static func unsupported(_ block: RequestFields) -> APIError {
        let name = block.name("type")
        guard let type = block.value("type")?.text else { return APIError.invalid("\(name) is missing", name) }
        return APIError.unsupported(name, "\(name): \(type.prefix(64)) is not supported here")
    }

    private static func required(_ key: String, of block: RequestFields) throws(APIError) -> String {
        guard let text = try block.string(key) else {
            throw APIError.invalid("\(block.name(key)) is missing", block.name(key))
        }
        return text
    }

    /// What a user said, and what tools answered, each in its message.
    private static func user(_ blocks: [RequestFields]) throws(APIError) -> [JSONValue] {
        var result: [JSONValue] = []
        var texts: [JSONValue] = []
        for block in blocks {
            guard try block.string("type") == "tool_result" else {
                texts.append(try text(block))
                continue
            }
            if !texts.isEmpty { result.append(["role": "user", "content": .array(texts)]) }
            texts = []
            _ = try block.bool("is_error")
            var content: [JSONValue] = []
            if let value = block.value("content") {
                for inner in try Self.blocks(value, block.name("content")) { content.append(try text(inner)) }
            }
            result.append([
                "role": "tool", "tool_call_id": .string(try required("tool_use_id", of: block)),
                "content": .array(content),
            ])
        }
        if !texts.isEmpty || blocks.isEmpty { result.append(["role": "user", "content": .array(texts)]) }
        return result
    }

    private static func assistant(_ blocks: [RequestFields]) throws(APIError) -> JSONValue {
        var texts: [JSONValue] = []
        var calls: [JSONValue] = []
        var thoughts = ""
        for block in blocks {
            switch try block.string("type") {
            case "thinking": thoughts += try required("thinking", of: block)
            // Nobody but who wrote it can read it.
            case "redacted_thinking": break
            case "tool_use":
                guard let input = block.value("input"), input.members != nil else {
                    throw APIError.invalid("\(block.name("input")) must be an object", block.name("input"))
                }
                calls.append([
                    "id": .string(try required("id", of: block)), "type": "function",
                    "function": [
                        "name": .string(try required("name", of: block)), "arguments": .string(input.written),
                    ],
                ])
            default: texts.append(try text(block))
            }
        }
        var message: JSONValue = [
            "role": "assistant", "content": texts.isEmpty && !calls.isEmpty ? .null : .array(texts),
        ]
        if !calls.isEmpty { message = message.adding(["tool_calls": .array(calls)]) }
        if !thoughts.isEmpty { message = message.adding(["reasoning_content": .string(thoughts)]) }
        return message
    }
}
