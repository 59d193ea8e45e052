/// Reads bodies of `/v1/responses`. Nothing is stored, so that a body has to hold the whole conversation.
enum ResponsesReader {
    /// Our names of fields with those of this interface.
    private static let names = [
        "max_tokens": "max_output_tokens", "messages": "input", "response_format": "text.format",
    ]

    /// The interface.
    static let interface = Interface { body throws(APIError) in
        let request = try chat(body)
        let told = ResponseEcho(body)
        return .request(Translation(body: request, names: names) { ResponsesEncoder($0, told) })
    }

    /// The body as one of a chat.
    static func chat(_ body: JSONValue) throws(APIError) -> JSONValue {
        let fields = try RequestFields(body)
        try refuse(fields)
        var chat = try ChatBody(body)
        chat.put("messages", .array(try ResponsesInput.read(fields)))
        chat.take(
            "input", "instructions", "previous_response_id", "background", "conversation", "prompt", "store",
            "truncation", "include", "metadata", "max_tool_calls", "stream_options", "service_tier", "moderation")
        if let most = try fields.int("max_output_tokens", in: 1...Int.max) { chat.put("max_tokens", .integer(most)) }
        chat.take("max_output_tokens")
        try tools(fields, into: &chat)
        if let value = fields.value("reasoning") {
            let effort = try RequestFields(value, prefix: "reasoning.").string("effort")
            if let effort { chat.put("reasoning_effort", .string(effort)) }
            chat.take("reasoning")
        }
        try format(fields, into: &chat)
        return chat.json
    }

    private static func refuse(_ fields: RequestFields) throws(APIError) {
        for name in ["previous_response_id", "conversation"] where fields.value(name) != nil {
            throw APIError.unsupported(
                name, "\(name) is not supported: nothing is stored here, so send the whole conversation in input")
        }
        if try fields.bool("background") == true {
            throw APIError.unsupported("background", "background is not supported: nothing is stored here")
        }
        for name in ["prompt", "context_management"] {
            guard let value = fields.value(name), value != .array([]) else { continue }
            throw APIError.unsupported(name)
        }
        if let truncation = try fields.string("truncation"), truncation != "disabled" {
            throw APIError.unsupported("truncation", "truncation must be disabled: what is too long is refused")
        }
        // Of what can be included as well, these belong to answers that are given here. Encrypted thoughts are for servers
        // that keep none in the open.
        for element in fields.value("include")?.elements ?? [] where element == "message.output_text.logprobs" {
            throw APIError.unsupported("include", "include: message.output_text.logprobs is not supported")
        }
    }

    private static func tools(_ fields: RequestFields, into chat: inout ChatBody) throws(APIError) {
        if let value = fields.value("tools") {
            guard let elements = value.elements else { throw APIError.invalid("tools must be an array", "tools") }
            var tools: [JSONValue] = []
            for (index, element) in elements.enumerated() {
                let tool = try RequestFields(element, prefix: "tools[\(index)].")
                guard try tool.string("type") == "function" else {
                    throw APIError.unsupported(
                        tool.name("type"), "\(tool.name("type")): only functions are supported as tools")
                }
                let function = (element.members ?? []).filter { $0.key != "type" }
                tools.append(["type": "function", "function": .object(function)])
            }
            chat.put("tools", .array(tools))
        }
        guard let value = fields.value("tool_choice"), value.members != nil else { return }
        let choice = try RequestFields(value, prefix: "tool_choice.")
        guard try choice.string("type") == "function", let name = try choice.string("name") else {
            throw APIError.unsupported(
                "tool_choice", "tool_choice names a function, or is none, auto or required")
        }
        chat.put("tool_choice", ["type": "function", "function": ["name": .string(name)]])
    }

    private static func format(_ fields: RequestFields, into chat: inout ChatBody) throws(APIError) {
        guard let value = fields.value("text") else { return }
        let text = try RequestFields(value, prefix: "text.")
        chat.take("text")
        guard let value = text.value("format") else { return }
        let format = try RequestFields(value, prefix: "text.format.")
        switch try format.string("type") {
        case "text": break
        case "json_object": chat.put("response_format", ["type": "json_object"])
        case "json_schema":
            guard format.value("schema") != nil else {
                throw APIError.invalid("text.format.schema is missing", "text.format.schema")
            }
            let inner = (value.members ?? []).filter { $0.key != "type" }
            chat.put("response_format", ["type": "json_schema", "json_schema": .object(inner)])
        default:
            throw APIError.invalid(
                "text.format.type must be text, json_object or json_schema", "text.format.type")
        }
    }
}
