/// Reads bodies of `/api/chat` and `/api/generate`.
struct OllamaReader: Sendable {
    /// The two ways to ask.
    enum Form: Sendable, Hashable {
        case chat
        case generate
    }

    let form: Form
    let names: ModelNames

    /// The interface.
    var interface: Interface {
        Interface { body throws(APIError) in
            let fields = try RequestFields(body)
            let asked = try fields.string("model") ?? ""
            guard names.contain(OllamaNames.short(asked)) else { throw names.unknown(asked) }
            let told = asked.isEmpty ? OllamaNames.tagged(names.id) : asked
            let encoder: @Sendable (AnswerContext) -> any AnswerEncoder = { OllamaEncoder($0, form, model: told) }
            if let options = fields.value("options") { _ = try RequestFields(options, prefix: "options.") }
            if try isEmpty(fields) { return .answer(OllamaEncoder.loaded(form, model: told)) }
            let options = OllamaOptions.names
            switch form {
            case .chat: return .request(Translation(body: try chat(body), names: options, encoder: encoder))
            case .generate:
                guard try fields.bool("raw") == true else {
                    return .request(Translation(body: try generate(body), names: options, encoder: encoder))
                }
                return .request(
                    Translation(kind: .completion, body: try raw(body), names: options, encoder: encoder))
            }
        }
    }

    /// Whether there is nothing to answer: clients load models so.
    private func isEmpty(_ fields: RequestFields) throws(APIError) -> Bool {
        switch form {
        case .chat: return (fields.value("messages") ?? .array([])) == .array([])
        case .generate: return try fields.string("prompt") ?? "" == ""
        }
    }

    /// What all bodies share.
    private func common(_ body: JSONValue) throws(APIError) -> ChatBody {
        let fields = try RequestFields(body)
        var chat = try ChatBody(body)
        chat.put("model", .string(names.id))
        chat.put("stream", .bool(try fields.bool("stream") ?? true))
        chat.take(
            "keep_alive", "options", "format", "think", "messages", "prompt", "system", "raw", "context", "suffix",
            "template", "images", "logprobs", "truncate", "shift", "name")
        try OllamaOptions.read(fields, into: &chat)
        return chat
    }

    /// A body of `/api/chat` as one of a chat.
    func chat(_ body: JSONValue) throws(APIError) -> JSONValue {
        let fields = try RequestFields(body)
        guard let elements = fields.value("messages")?.elements else {
            throw APIError.invalid("messages must be an array of messages", "messages")
        }
        var messages: [JSONValue] = []
        for (index, element) in elements.enumerated() {
            messages.append(try message(try RequestFields(element, prefix: "messages[\(index)].")))
        }
        var chat = try common(body)
        try think(fields, into: &chat)
        try format(fields, into: &chat)
        chat.put("messages", .array(messages))
        return chat.json
    }

    /// A body of `/api/generate` as one of a chat.
    func generate(_ body: JSONValue) throws(APIError) -> JSONValue {
        let fields = try RequestFields(body)
        try refuse(["suffix", "template", "context", "images"], fields)
        var chat = try common(body)
        try think(fields, into: &chat)
        try format(fields, into: &chat)
        var messages: [JSONValue] = []
        if let system = try fields.string("system"), !system.isEmpty {
            messages.append(["role": "system", "content": .string(system)])
        }
        messages.append(["role": "user", "content": .string(try fields.string("prompt") ?? "")])
        chat.put("messages", .array(messages))
        return chat.json
    }

    /// A body of `/api/generate` whose prompt is the model's own form, as one of a completion.
    func raw(_ body: JSONValue) throws(APIError) -> JSONValue {
        let fields = try RequestFields(body)
        try refuse(["suffix", "template", "context", "images", "system"], fields)
        if let think = fields.value("think"), think != .bool(false) {
            throw APIError.unsupported("think", "think is not supported together with raw")
        }
        var chat = try common(body)
        try format(fields, into: &chat)
        chat.put("prompt", fields.value("prompt"))
        return chat.json
    }

    private func refuse(_ names: [String], _ fields: RequestFields) throws(APIError) {
        for name in names {
            guard let value = fields.value(name), value != "", value != .array([]) else { continue }
            throw APIError.unsupported(fields.name(name))
        }
    }

    private func message(_ fields: RequestFields) throws(APIError) -> JSONValue {
        try refuse(["images"], fields)
        guard let role = try fields.string("role") else {
            throw APIError.invalid("\(fields.name("role")) is missing", fields.name("role"))
        }
        let content = try fields.string("content") ?? ""
        var message: JSONValue = ["role": .string(role)]
        if let value = fields.value("tool_calls") {
            guard let calls = value.elements else {
                throw APIError.invalid("\(fields.name("tool_calls")) must be an array", fields.name("tool_calls"))
            }
            if !calls.isEmpty {
                let named = calls.map { $0["type"] == nil ? $0.adding(["type": "function"]) : $0 }
                message = message.adding(["tool_calls": .array(named)])
            }
        }
        let isCall = message["tool_calls"] != nil && content.isEmpty
        message = message.adding(["content": isCall ? .null : .string(content)])
        for (theirs, ours) in [
            ("tool_name", "name"), ("tool_call_id", "tool_call_id"), ("thinking", "reasoning_content"),
        ] {
            guard let text = try fields.string(theirs), !text.isEmpty else { continue }
            message = message.adding(.object([.init(key: ours, value: .string(text))]))
        }
        return message
    }

    private func think(_ fields: RequestFields, into chat: inout ChatBody) throws(APIError) {
        switch fields.value("think") {
        case nil: break
        case .bool(let thinks):
            chat.put("enable_thinking", .bool(thinks))
            if !thinks { chat.put("include_reasoning", false) }
        case .string(let effort): chat.put("reasoning_effort", .string(effort))
        default: throw APIError.invalid("think must be true, false or a level", "think")
        }
    }

    private func format(_ fields: RequestFields, into chat: inout ChatBody) throws(APIError) {
        switch fields.value("format") {
        case nil, "": break
        case "json": chat.put("response_format", ["type": "json_object"])
        case .object(let schema):
            chat.put(
                "response_format",
                ["type": "json_schema", "json_schema": ["name": "format", "schema": .object(schema)]])
        default: throw APIError.invalid("format must be json or a JSON Schema", "format")
        }
    }
}
