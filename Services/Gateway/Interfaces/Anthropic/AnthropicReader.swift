/// Reads bodies of `/v1/messages` and `/v1/messages/count_tokens`.
enum AnthropicReader {
    /// Our names of fields with Anthropic's.
    private static let names = [
        "stop": "stop_sequences", "response_format": "output_config", "enable_thinking": "thinking",
    ]

    /// The interface.
    static let interface = Interface { body throws(APIError) in
        .request(Translation(body: try chat(body), names: names) { AnthropicEncoder($0) })
    }

    /// The body as one of a chat.
    static func chat(_ body: JSONValue) throws(APIError) -> JSONValue {
        let fields = try RequestFields(body)
        // What happens in Anthropic's own cloud.
        for name in ["container", "mcp_servers", "context_management"] {
            guard let value = fields.value(name), value != .array([]), value != .object([]) else { continue }
            throw APIError.unsupported(name)
        }
        var chat = try ChatBody(body)
        chat.put("messages", .array(try AnthropicMessages.read(fields)))
        chat.take("system", "container", "mcp_servers", "context_management", "metadata", "service_tier")
        if fields.value("stop_sequences") != nil {
            chat.put("stop", fields.value("stop_sequences"))
            chat.take("stop_sequences")
        }
        try tools(fields, into: &chat)
        try thinking(fields, into: &chat)
        try output(fields, into: &chat)
        return chat.json
    }

    private static func tools(_ fields: RequestFields, into chat: inout ChatBody) throws(APIError) {
        if let value = fields.value("tools") {
            guard let elements = value.elements else { throw APIError.invalid("tools must be an array", "tools") }
            var tools: [JSONValue] = []
            for (index, element) in elements.enumerated() {
                let tool = try RequestFields(element, prefix: "tools[\(index)].")
                // The others run on Anthropic's side, or have schemas that only its models know.
                guard [nil, "custom"].contains(try tool.string("type")) else {
                    throw APIError.unsupported(
                        tool.name("type"), "\(tool.name("type")): only custom tools are supported")
                }
                guard let schema = tool.value("input_schema"), schema.members != nil else {
                    throw APIError.invalid(
                        "\(tool.name("input_schema")) must be a JSON Schema", tool.name("input_schema"))
                }
                var function = ["name": try name(tool), "parameters": schema] as JSONValue
                for key in ["description", "strict"] {
                    if let value = tool.value(key) {
                        function = function.adding(.object([.init(key: key, value: value)]))
                    }
                }
                tools.append(["type": "function", "function": function])
            }
            chat.put("tools", .array(tools))
        }
        guard let value = fields.value("tool_choice") else { return }
        let choice = try RequestFields(value, prefix: "tool_choice.")
        switch try choice.string("type") {
        case "auto": chat.put("tool_choice", "auto")
        case "any": chat.put("tool_choice", "required")
        case "none": chat.put("tool_choice", "none")
        case "tool": chat.put("tool_choice", ["type": "function", "function": ["name": try name(choice)]])
        default: throw APIError.invalid("tool_choice.type must be auto, any, tool or none", "tool_choice.type")
        }
        if let single = try choice.bool("disable_parallel_tool_use") {
            chat.put("parallel_tool_calls", .bool(!single))
        }
    }

    private static func name(_ fields: RequestFields) throws(APIError) -> JSONValue {
        guard let name = try fields.string("name") else {
            throw APIError.invalid("\(fields.name("name")) is missing", fields.name("name"))
        }
        return .string(name)
    }

    /// `thinking` as what a chat template is told. A budget of tokens is not kept to: it is an aim, and `max_tokens` is
    /// the limit.
    private static func thinking(_ fields: RequestFields, into chat: inout ChatBody) throws(APIError) {
        guard let value = fields.value("thinking") else { return }
        let thinking = try RequestFields(value, prefix: "thinking.")
        _ = try thinking.int("budget_tokens", in: 1...Int.max)
        switch try thinking.string("type") {
        case "enabled": chat.put("enable_thinking", true)
        // The model itself decides, as it does where nothing is said.
        case "adaptive": break
        case "disabled":
            chat.put("enable_thinking", false)
            chat.put("include_reasoning", false)
        default: throw APIError.invalid("thinking.type must be enabled, adaptive or disabled", "thinking.type")
        }
        if try thinking.string("display") == "omitted" { chat.put("include_reasoning", false) }
        chat.take("thinking")
    }

    /// `output_config`, and `output_format`, its older form.
    private static func output(_ fields: RequestFields, into chat: inout ChatBody) throws(APIError) {
        var format = fields.value("output_format")
        var name = "output_format"
        if let value = fields.value("output_config") {
            let config = try RequestFields(value, prefix: "output_config.")
            if let effort = try config.string("effort") { chat.put("reasoning_effort", .string(effort)) }
            if let inner = config.value("format") { (format, name) = (inner, "output_config.format") }
        }
        chat.take("output_config", "output_format")
        guard let format else { return }
        let inner = try RequestFields(format, prefix: name + ".")
        guard try inner.string("type") == "json_schema", let schema = inner.value("schema") else {
            throw APIError.invalid("\(name) must have the type json_schema and a schema", name)
        }
        chat.put(
            "response_format", ["type": "json_schema", "json_schema": ["name": "output", "schema": schema]])
    }
}
