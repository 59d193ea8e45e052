import Inference

/// What a chat's template is told besides messages and tools, and how the prompt ends.
struct ChatOptions {
    /// Most bytes of `chat_template_kwargs`.
    private static let mostBytes = 64 << 10
    /// What the template is told by other fields.
    private static let reserved: Set<String> = [
        "messages", "tools", "add_generation_prompt", "continue_final_message", "bos_token", "eos_token",
        "chat_template",
    ]

    /// Variables of the template.
    private(set) var variables: [String: TemplateValue] = [:]
    /// How the prompt ends.
    private(set) var ending = ChatEnding.answer

    /// Reads `chat_template_kwargs`, `enable_thinking`, `reasoning_effort`, `add_generation_prompt` and
    /// `continue_final_message`.
    ///
    /// - Throws: 400 also for variables that the template does not know: what was asked for would not happen.
    init(_ fields: RequestFields, template: String?) throws(APIError) {
        if let value = fields.value("chat_template_kwargs") {
            let name = "chat_template_kwargs"
            guard let members = value.members else { throw APIError.invalid("\(name) must be an object", name) }
            guard value.serialized().count <= Self.mostBytes else {
                throw APIError.invalid("\(name) has more than \(Self.mostBytes) bytes", name)
            }
            for member in members where !member.value.isNull {
                try add(member.key, member.value, "\(name).\(member.key)", template)
            }
        }
        if let thinks = try fields.bool("enable_thinking") {
            try add("enable_thinking", .bool(thinks), "enable_thinking", template)
        }
        // Clients send it to every model; where it means nothing nothing follows from it.
        if let effort = try fields.string("reasoning_effort") { variables["reasoning_effort"] = .string(effort) }
        let adds = try fields.bool("add_generation_prompt")
        if try fields.bool("continue_final_message") == true {
            guard adds != true else {
                throw APIError.invalid(
                    "continue_final_message and add_generation_prompt cannot both be true", "continue_final_message")
            }
            ending = .continuation
        } else if adds == false {
            ending = .none
        }
    }

    private mutating func add(
        _ key: String, _ value: JSONValue, _ name: String, _ template: String?
    ) throws(APIError) {
        guard !Self.reserved.contains(key) else {
            throw APIError.invalid("\(name) is told to the template by a field of its own", name)
        }
        // A template that does not know of thinking is none that does it.
        if key == "enable_thinking", value == .bool(false) {
            variables[key] = .bool(false)
            return
        }
        guard let template, template.contains(key) else {
            throw APIError.unsupported(name, "\(name): the model's chat template does not know of \(key.prefix(64))")
        }
        variables[key] = TemplateValue(value)
    }
}
