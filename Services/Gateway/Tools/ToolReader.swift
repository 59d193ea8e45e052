/// Reads `tools`, `tool_choice` and `parallel_tool_calls`.
struct ToolReader {
    /// Most functions of a request.
    static let mostTools = 128
    /// Longest name of a function.
    static let nameBytes = 64

    private let fields: RequestFields
    private let vocabulary: any ServedVocabulary

    init(_ fields: RequestFields, _ vocabulary: any ServedVocabulary) {
        self.fields = fields
        self.vocabulary = vocabulary
    }

    /// The tools that the model is told of; `nil` where there are none, or none is to be called.
    func read() throws(APIError) -> ToolUse? {
        let definitions = try definitions()
        let choice = try choice(among: definitions)
        let isParallel = try fields.bool("parallel_tool_calls") ?? true
        guard !definitions.isEmpty, choice != .never else { return nil }
        guard let syntax = ToolSyntax(template: vocabulary.chatTemplate ?? "") else {
            throw APIError.unsupported("tools", "this server does not know how the model writes calls of tools")
        }
        return ToolUse(definitions: definitions, choice: choice, isParallel: isParallel, syntax: syntax)
    }

    private func definitions() throws(APIError) -> [ToolDefinition] {
        guard let value = fields.value("tools") else { return [] }
        guard let elements = value.elements else { throw APIError.invalid("tools must be an array", "tools") }
        guard elements.count <= Self.mostTools else {
            throw APIError.invalid(
                "tools has \(elements.count) entries, at most \(Self.mostTools) are accepted", "tools")
        }
        var result: [ToolDefinition] = []
        for (index, element) in elements.enumerated() {
            let tool = try definition(try RequestFields(element, prefix: "tools[\(index)]."))
            guard !result.contains(where: { $0.name == tool.name }) else {
                throw APIError.invalid("tools has two functions of the name \(tool.name)", "tools")
            }
            result.append(tool)
        }
        return result
    }

    private func definition(_ tool: RequestFields) throws(APIError) -> ToolDefinition {
        let type = try tool.string("type") ?? "function"
        guard type == "function" else { throw APIError.unsupported(tool.name("type")) }
        guard let value = tool.value("function") else {
            throw APIError.invalid("\(tool.name("function")) is missing", tool.name("function"))
        }
        let function = try RequestFields(value, prefix: tool.name("function") + ".")
        guard let name = try function.string("name"), Self.isName(name) else {
            throw APIError.invalid(
                "\(function.name("name")) must have 1 to \(Self.nameBytes) letters, digits, _, - or .",
                function.name("name"))
        }
        _ = try function.string("description")
        let isStrict = try function.bool("strict") ?? false
        let parameters = function.value("parameters")
        if let parameters, parameters.members == nil {
            throw APIError.invalid(
                "\(function.name("parameters")) must be a JSON Schema", function.name("parameters"))
        }
        let told = JSONValue.object((value.members ?? []).filter { $0.key != "strict" && !$0.value.isNull })
        return ToolDefinition(
            name: name, parameters: parameters, isStrict: isStrict,
            description: ["type": "function", "function": told])
    }

    private static func isName(_ name: String) -> Bool {
        (1...nameBytes).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                Character(Unicode.Scalar($0)).isLetter || (0x30...0x39).contains($0) || "_-.".utf8.contains($0)
            } && name.utf8.allSatisfy { $0 < 0x80 }
    }

    private func choice(among definitions: [ToolDefinition]) throws(APIError) -> ToolChoice {
        let name: String
        switch fields.value("tool_choice") {
        case nil, "auto": return .auto
        case "none": return .never
        case "required":
            guard !definitions.isEmpty else {
                throw APIError.invalid("tool_choice is required, but there are no tools", "tool_choice")
            }
            return .required
        case .some(let value) where value.members != nil:
            let object = try RequestFields(value, prefix: "tool_choice.")
            guard try object.string("type") == "function", let function = object.value("function") else {
                throw APIError.unsupported("tool_choice", "tool_choice names a function, or is none, auto or required")
            }
            let inner = try RequestFields(function, prefix: "tool_choice.function.")
            guard let named = try inner.string("name") else {
                throw APIError.invalid("tool_choice.function.name is missing", "tool_choice.function.name")
            }
            name = named
        default: throw APIError.invalid("tool_choice must be none, auto, required or a function", "tool_choice")
        }
        guard definitions.contains(where: { $0.name == name }) else {
            throw APIError.invalid("tool_choice names \(name.prefix(64)), which is none of the tools", "tool_choice")
        }
        return .named(name)
    }
}
