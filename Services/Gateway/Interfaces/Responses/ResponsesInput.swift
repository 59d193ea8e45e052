/// Reads `instructions` and `input` of a response as messages of a chat.
struct ResponsesInput {
    private var messages: [JSONValue] = []
    /// The message of the assistant that is read: what it says, calls and thinks comes as items of their own.
    private var content: [JSONValue] = []
    private var calls: [JSONValue] = []
    private var thoughts = ""

    /// The messages.
    static func read(_ fields: RequestFields) throws(APIError) -> [JSONValue] {
        var input = ResponsesInput()
        if let instructions = try fields.string("instructions") {
            input.messages.append(["role": "system", "content": .string(instructions)])
        }
        let before = input.messages.count
        switch fields.value("input") {
        case .string(let text): input.messages.append(["role": "user", "content": .string(text)])
        case .array(let items):
            for (index, item) in items.enumerated() {
                try input.add(try RequestFields(item, prefix: "input[\(index)]."))
            }
            input.endTurn()
        default: throw APIError.invalid("input must be a string or an array of items", "input")
        }
        guard input.messages.count > before else { throw APIError.invalid("input is empty", "input") }
        return input.messages
    }

    private mutating func add(_ item: RequestFields) throws(APIError) {
        let type = try item.string("type")
        switch type ?? "message" {
        case "message": try message(item)
        case "function_call":
            calls.append([
                "id": .string(try Self.required("call_id", of: item)), "type": "function",
                "function": [
                    "name": .string(try Self.required("name", of: item)),
                    "arguments": .string(try Self.required("arguments", of: item)),
                ],
            ])
        case "function_call_output":
            endTurn()
            let id = try Self.required("call_id", of: item)
            let parts = try Self.parts(item, "output")
            messages.append(["role": "tool", "tool_call_id": .string(id), "content": .array(parts)])
        case "reasoning":
            // Thoughts stand in front of what they led to.
            if !content.isEmpty || !calls.isEmpty { endTurn() }
            guard item.value("content") != nil else { break }
            for part in try Self.parts(item, "content") { thoughts += part["text"]?.text ?? "" }
        case "item_reference":
            throw APIError.unsupported(
                item.name("type"), "\(item.name("type")): nothing is stored here to which an item could refer")
        default:
            throw APIError.unsupported(
                item.name("type"), "\(item.name("type")): \(type?.prefix(64) ?? "") is not supported here")
        }
    }

    private mutating func message(_ item: RequestFields) throws(APIError) {
        let role = try Self.required("role", of: item)
        let parts = try Self.parts(item, "content")
        switch role {
        case "assistant":
            if !content.isEmpty || !calls.isEmpty { endTurn() }
            content = parts
        case "user", "system", "developer":
            endTurn()
            messages.append(["role": .string(role), "content": .array(parts)])
        default:
            throw APIError.invalid(
                "\(item.name("role")) must be user, assistant, system or developer", item.name("role"))
        }
    }

    private mutating func endTurn() {
        defer { (content, calls, thoughts) = ([], [], "") }
        guard !content.isEmpty || !calls.isEmpty else { return }
        var message: JSONValue = [
            "role": "assistant", "content": content.isEmpty ? .null : .array(content),
        ]
        if !calls.isEmpty { message = message.adding(["tool_calls": .array(calls)]) }
        if !thoughts.isEmpty { message = message.adding(["reasoning_content": .string(thoughts)]) }
        messages.append(message)
    }

    /// The texts of a content.
    private static func parts(_ item: RequestFields, _ key: String) throws(APIError) -> [JSONValue] {
        let name = item.name(key)
        guard let value = item.value(key) else { throw APIError.invalid("\(name) is missing", name) }
        if value.text != nil { return [["type": "text", "text": value]] }
        guard let elements = value.elements else {
            throw APIError.invalid("\(name) must be a string or an array of parts", name)
        }
        var result: [JSONValue] = []
        for (index, element) in elements.enumerated() {
            let part = try RequestFields(element, prefix: "\(name)[\(index)].")
            let type = try required("type", of: part)
            guard ["input_text", "output_text", "reasoning_text", "text", "refusal"].contains(type) else {
                throw APIError.unsupported(
                    part.name("type"), "\(part.name("type")): \(type.prefix(64)) is not supported here")
            }
            let text = try required(type == "refusal" ? "refusal" : "text", of: part)
            result.append(["type": "text", "text": .string(text)])
        }
        return result
    }

    private static func required(_ key: String, of fields: RequestFields) throws(APIError) -> String {
        guard let text = try fields.string(key) else {
            throw APIError.invalid("\(fields.name(key)) is missing", fields.name(key))
        }
        return text
    }
}
