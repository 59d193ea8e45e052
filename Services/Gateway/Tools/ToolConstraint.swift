import Domain
import Grammar

/// Makes the constraint under which a model writes its calls in the form that it was trained with: where a call is required, or where
/// arguments must follow their schemas.
struct ToolConstraint {
    private static let anyText: JSONValue = ["regex": #"[\s\S]*"#]

    private let tools: ToolUse
    private let controls: Set<String>

    /// Prepares the constraint; `controls` are the names of control tokens that the model has.
    init(_ tools: ToolUse, controls: Set<String>) {
        self.tools = tools
        self.controls = controls
    }

    /// The constraint; `nil` where the model may write what it wants.
    ///
    /// - Parameter answer: What answers without calls must follow.
    func constraint(answer: SamplingConstraint?) throws(APIError) -> SamplingConstraint? {
        var format: JSONValue
        if tools.mustCall {
            format = try withReasoning(try calls())
        } else if let answer {
            guard let piece = answer.format else {
                throw APIError.unsupported(
                    "tools", "tools together with a grammar or a list of choices are not supported")
            }
            format = try withReasoning(["choice": [message(piece), try calls()]])
        } else if tools.definitions.contains(where: \.isStrict) {
            format = try withReasoning(try textOrCalls())
        } else {
            return nil
        }
        let constraint = SamplingConstraint(.format, format.written)
        do {
            _ = try CompiledGrammar.compile(constraint)
        } catch {
            throw APIError.invalid("the schemas of the tools: \(error.message)", "tools")
        }
        return constraint
    }

    /// The constraint of an answer of a model that writes it into a channel.
    static func inChannel(_ answer: SamplingConstraint, controls: Set<String>) -> SamplingConstraint? {
        let tools = ToolConstraint(ToolUse(definitions: [], syntax: .harmony), controls: controls)
        guard let piece = answer.format, let format = try? tools.withReasoning(tools.message(piece)) else { return nil }
        return SamplingConstraint(.format, format.written)
    }

    // MARK: Calls

    private func mark(_ text: String) -> JSONValue {
        controls.contains(text) ? ["token": .string(text)] : ["text": .string(text)]
    }

    private func text(_ text: String) -> JSONValue { ["text": .string(text)] }

    private func list(_ part: JSONValue, separator: String) -> JSONValue {
        var list: [JSONValue.Member] = [
            .init(key: "of", value: part), .init(key: "separator", value: .string(separator)),
            .init(key: "least", value: 1),
        ]
        if let most = tools.mostCalls { list.append(.init(key: "most", value: .integer(most))) }
        return ["list": .object(list)]
    }

    /// At least one call.
    private func calls() throws(APIError) -> JSONValue {
        var options: [JSONValue] = []
        for (index, tool) in tools.definitions.enumerated() where tools.callable.contains(tool) {
            options.append(try call(tool, index))
        }
        let call: JSONValue = ["choice": .array(options)]
        switch tools.syntax {
        case .hermes, .qwenCoder, .glm: return list(call, separator: "\n")
        case .llama: return list(call, separator: "; ")
        case .mistralNamed, .functionGemma, .gemma, .harmony: return list(call, separator: "")
        case .mistral:
            return ["sequence": [mark("[TOOL_CALLS]"), text("["), list(call, separator: ", "), text("]")]]
        case .described:
            return [
                "sequence": [
                    mark("<tool_call>"), text("["), list(call, separator: ", "), text("]"), mark("</tool_call>"),
                ]
            ]
        }
    }

    private func call(_ tool: ToolDefinition, _ index: Int) throws(APIError) -> JSONValue {
        let name = JSONValue.string(tool.name).written
        switch tools.syntax {
        case .hermes:
            return [
                "sequence": [
                    mark("<tool_call>"), text("\n{\"name\": \(name), \"arguments\": "), try schema(tool, index),
                    text("}\n"), mark("</tool_call>"),
                ]
            ]
        case .described, .mistral:
            return ["sequence": [text("{\"name\": \(name), \"arguments\": "), try schema(tool, index), text("}")]]
        case .llama:
            return ["sequence": [text("{\"name\": \(name), \"parameters\": "), try schema(tool, index), text("}")]]
        case .mistralNamed:
            return [
                "sequence": [mark("[TOOL_CALLS]"), text(tool.name), mark("[ARGS]"), try schema(tool, index)]
            ]
        case .functionGemma, .gemma: return try gemmaCall(tool, index, tools.syntax.marks ?? ToolMarks())
        case .qwenCoder: return try qwenCall(tool, index)
        case .glm: return try glmCall(tool, index)
        case .harmony:
            return [
                "sequence": [
                    text(" to=functions.\(tool.name)"), mark("<|channel|>"), text("commentary "), mark("<|constrain|>"),
                    text("json"), mark("<|message|>"), try schema(tool, index),
                ]
            ]
        }
    }

    /// Notations that are no JSON: what they cannot say of a schema that must be followed is an error.
    private func written(
        _ tool: ToolDefinition, _ index: Int,
        _ format: (inout ArgumentFormat) throws(ArgumentFormat.Refused) -> JSONValue
    ) throws(APIError) -> JSONValue {
        var arguments = ArgumentFormat()
        arguments.isStrict = tool.isStrict
        do throws(ArgumentFormat.Refused) {
            return try format(&arguments)
        } catch {
            let name = "tools[\(index)].function.parameters"
            throw APIError.unsupported(name, "\(name): \(error.what) is not supported for this model's form of calls")
        }
    }

    private func gemmaCall(_ tool: ToolDefinition, _ index: Int, _ marks: ToolMarks) throws(APIError) -> JSONValue {
        let members = try written(tool, index) { format throws(ArgumentFormat.Refused) in
            format.quote = mark(marks.quote)
            return try format.members(tool.parameters)
        }
        return [
            "sequence": [mark(marks.open), text("call:\(tool.name){"), members, text("}"), mark(marks.close)]
        ]
    }

    private func qwenCall(_ tool: ToolDefinition, _ index: Int) throws(APIError) -> JSONValue {
        let arguments = try written(tool, index) { format throws(ArgumentFormat.Refused) in
            try format.tagged(tool.parameters, end: "</parameter>") { key, value in
                ["sequence": [text("<parameter="), key, text(">\n"), value, text("\n</parameter>\n")]]
            }
        }
        return [
            "sequence": [
                mark("<tool_call>"), text("\n<function=\(tool.name)>\n"), arguments, text("</function>\n"),
                mark("</tool_call>"),
            ]
        ]
    }

    private func glmCall(_ tool: ToolDefinition, _ index: Int) throws(APIError) -> JSONValue {
        let arguments = try written(tool, index) { format throws(ArgumentFormat.Refused) in
            try format.tagged(tool.parameters, end: "</arg_value>") { key, value in
                [
                    "sequence": [
                        mark("<arg_key>"), key, mark("</arg_key>"), text("\n"), mark("<arg_value>"), value,
                        mark("</arg_value>"), text("\n"),
                    ]
                ]
            }
        }
        return ["sequence": [mark("<tool_call>"), text(tool.name + "\n"), arguments, mark("</tool_call>")]]
    }

    /// The arguments of a function. What a schema asks for and grammars do not know is an error only where it must be followed.
    private func schema(_ tool: ToolDefinition, _ index: Int) throws(APIError) -> JSONValue {
        let any: JSONValue = ["type": "object"]
        guard let parameters = tool.parameters else { return ["json_schema": any] }
        do {
            _ = try CompiledGrammar.jsonSchema(text: parameters.written)
            return ["json_schema": parameters]
        } catch {
            guard tool.isStrict else { return ["json_schema": any] }
            let name = "tools[\(index)].function.parameters"
            throw APIError.invalid("\(name): \(error.message)", name)
        }
    }

    // MARK: Answers

    private func textOrCalls() throws(APIError) -> JSONValue {
        let calls = try calls()
        guard let marks = tools.syntax.marks else { return ["choice": [message(Self.anyText), calls]] }
        if marks.open.isEmpty {
            return ["choice": [["sequence": []], ["regex": #"[^{ \n\r\t][\s\S]*"#], calls]]
        }
        let before: JSONValue =
            controls.contains(marks.open) ? Self.anyText : ["text_without": .string(marks.open)]
        return ["sequence": [before, ["list": ["of": calls, "most": 1]]]]
    }

    /// An answer without calls.
    private func message(_ piece: JSONValue) -> JSONValue {
        guard tools.syntax == .harmony else { return piece }
        return ["sequence": [mark("<|channel|>"), text("final"), mark("<|message|>"), piece]]
    }

    /// Models with channels may think before they answer.
    private func withReasoning(_ answer: JSONValue) throws(APIError) -> JSONValue {
        guard tools.syntax == .harmony else { return answer }
        let thought: JSONValue = [
            "sequence": [
                mark("<|channel|>"), text("analysis"), mark("<|message|>"), Self.anyText, mark("<|end|>"),
                mark("<|start|>"), text("assistant"),
            ]
        ]
        return ["sequence": [["list": ["of": thought, "most": 1]], answer]]
    }
}

extension SamplingConstraint {
    /// The same as a part of a format; `nil` where it cannot be one.
    var format: JSONValue? {
        switch kind {
        case .jsonSchema: (try? JSONParser.parse(Array(text.utf8))).map { ["json_schema": $0] }
        case .jsonObject: ["json_schema": ["type": "object"]]
        case .regex: ["regex": .string(text)]
        case .grammar, .choice, .format: nil
        }
    }
}
