import Inference

/// Makes a chat with tools one that a model's template can write.
struct ToolPrompt {
    /// The messages.
    private(set) var messages: [ChatMessage]
    /// Variables of the template.
    private(set) var extra: [String: TemplateValue] = [:]

    /// Prepares a chat; without tools only what earlier turns did with them.
    init(_ messages: [ChatMessage], _ tools: ToolUse?, template: String?) {
        self.messages = messages
        let knowsTools = template.map { ToolSyntax(template: $0) != .described } ?? false
        if knowsTools {
            if let tools {
                extra["tools"] = .array(tools.definitions.map { TemplateValue($0.description) })
            }
            return
        }
        self.messages = messages.map(Self.described)
        if let tools { describe(tools) }
    }

    /// Calls and answers of tools as texts, for templates that know of neither.
    private static func described(_ message: ChatMessage) -> ChatMessage {
        if message.role == "tool" {
            return ChatMessage(
                role: "user", content: "<tool_response>\n\(message.content)\n</tool_response>",
                fields: message.fields)
        }
        guard case .array(let calls) = message.fields.first(where: { $0.key == "tool_calls" })?.value else {
            return message
        }
        let texts = calls.map { call -> String in
            let function = JSONValue(call)["function"]
            let described: JSONValue = [
                "name": function?["name"] ?? .null, "arguments": function?["arguments"] ?? .object([]),
            ]
            return described.written
        }
        let list = "<tool_call>[\(texts.joined(separator: ", "))]</tool_call>"
        let before = message.content.isEmpty ? "" : message.content + "\n"
        return ChatMessage(role: message.role, content: before + list, fields: message.fields)
    }

    /// Tells the model in words what it may call, and how.
    private mutating func describe(_ tools: ToolUse) {
        let list = tools.definitions.map(\.description.written).joined(separator: "\n")
        let text = """
            You can call functions. Each line between the tags describes one as JSON.
            <tools>
            \(list)
            </tools>
            To call functions, answer with nothing but a list of calls in this form:
            <tool_call>[{"name": "function_name", "arguments": {"argument_name": "value"}}]</tool_call>
            Where no function helps, answer in words.
            """
        if let first = messages.first, first.role == "system" {
            messages[0].content = first.content + "\n\n" + text
        } else {
            messages.insert(ChatMessage(role: "system", content: text), at: 0)
        }
    }
}

extension TemplateValue {
    /// The same value for a template.
    init(_ value: JSONValue) {
        switch value {
        case .null: self = .null
        case .bool(let flag): self = .bool(flag)
        case .integer(let number): self = .int(number)
        case .unsigned(let number): self = .double(Double(number))
        case .number(let number): self = .double(number)
        case .string(let text): self = .string(text)
        case .array(let elements): self = .array(elements.map(TemplateValue.init))
        case .object(let members): self = .object(members.map { Member($0.key, TemplateValue($0.value)) })
        }
    }
}

extension JSONValue {
    /// The same value as JSON.
    init(_ value: TemplateValue) {
        switch value {
        case .null: self = .null
        case .bool(let flag): self = .bool(flag)
        case .int(let number): self = .integer(number)
        case .double(let number): self = .number(number)
        case .string(let text): self = .string(text)
        case .array(let elements): self = .array(elements.map(JSONValue.init))
        case .object(let members): self = .object(members.map { Member(key: $0.key, value: JSONValue($0.value)) })
        }
    }
}
