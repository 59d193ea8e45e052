import Domain
import Grammar
import Inference
import Testing

@testable import Gateway

/// What requests with tools and structured output ask for.
struct ToolRequestTests {
    private static let tool = #"""
        {"type":"function","function":{"name":"get_weather","description":"Weather","strict":STRICT,"parameters":
        {"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}}}
        """#
    private static let hermes = "{{ tools }}<tool_call>"

    private func tools(_ strict: Bool = false) -> String {
        #""tools":["# + Self.tool.replacing("STRICT", with: strict ? "true" : "false") + "]"
    }

    private func read(
        _ fields: String, template: String? = Self.hermes, _ kind: GenerationKind = .chat
    ) throws -> GenerationRequest {
        let model = ByteVocabulary.makeModel(template: template, context: 4096)
        let body = #"{"messages":[{"role":"user","content":"hi"}],"prompt":"hi",\#(fields)}"#
        return try RequestReader(model: model, limits: RequestLimits()).read(
            JSONParser.parse(Array(body.utf8)), kind: kind)
    }

    private func accepts(_ constraint: SamplingConstraint?, _ text: String) throws -> Bool {
        var state = GrammarState(try CompiledGrammar.compile(try #require(constraint)))
        return state.accept(text.utf8) && state.canEnd
    }

    // MARK: Structured output

    @Test(
        arguments: [
            (#""response_format":{"type":"json_object"}"#, .jsonObject, ""),
            (
                #""response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"type":"null"}}}"#,
                .jsonSchema, #"{"type":"null"}"#
            ),
            (#""response_format":{"type":"json_object","schema":{"type":"null"}}"#, .jsonSchema, #"{"type":"null"}"#),
            (#""grammar":"root ::= \"a\"""#, .grammar, #"root ::= "a""#), (#""regex":"a+""#, .regex, "a+"),
            (#""guided_json":"{\"type\":\"null\"}""#, .jsonSchema, #"{"type":"null"}"#),
            (#""guided_json":{"type":"null"}"#, .jsonSchema, #"{"type":"null"}"#),
            (#""guided_regex":"a+""#, .regex, "a+"), (#""guided_choice":["a","b"]"#, .choice, #"["a","b"]"#),
            (#""guided_grammar":"root ::= \"a\"""#, .grammar, #"root ::= "a""#),
            (#""json_schema":{"type":"null"}"#, .jsonSchema, #"{"type":"null"}"#),
            (#""structured_outputs":{"json":{"type":"null"},"regex":null}"#, .jsonSchema, #"{"type":"null"}"#),
            (#""structured_outputs":{"choice":["a"]}"#, .choice, #"["a"]"#),
            (#""structured_outputs":{"json_object":true}"#, .jsonObject, ""),
            (#""structured_outputs":{"regex":"a"},"response_format":{"type":"text"}"#, .regex, "a"),
        ] as [(String, SamplingConstraint.Kind, String)])
    func constraintsReachTheFleet(fields: String, kind: SamplingConstraint.Kind, text: String) throws {
        for interface in [GenerationKind.chat, .completion] {
            let request = try read(fields, interface)
            #expect(request.constraint == SamplingConstraint(kind, text))
            #expect(request.demands(context: 4096).first?.constraint == request.constraint)
            #expect(request.reading == nil)
        }
    }

    private func read(_ fields: String, _ kind: GenerationKind) throws -> GenerationRequest {
        try read(fields, template: Self.hermes, kind)
    }

    @Test(arguments: [
        (
            #""response_format":{"type":"json_schema","json_schema":{"schema":{"type":"object","properties":{"a":{"not":{}}}}}}"#,
            "response_format.json_schema.schema", "#/properties/a: not is not supported"
        ),
        (#""grammar":"root ::= (""#, "grammar", "grammar: "), (#""regex":"(?=a)""#, "regex", "regex: "),
        (#""grammar":"root ::= \"a\"","regex":"a""#, "regex", "only one of grammar, regex"),
        (#""regex":"a","ignore_eos":true"#, "ignore_eos", "regex"),
        (#""guided_choice":[]"#, "guided_choice", "not empty"), (#""grammar":5"#, "grammar", "string"),
        (#""structured_outputs":{"whitespace_pattern":" "}"#, "structured_outputs.whitespace_pattern", "not supported"),
        (#""grammar_lazy":true"#, "grammar_lazy", "not supported"),
    ])
    func refusesConstraints(fields: String, parameter: String, message: String) {
        let error = #expect(throws: APIError.self) { try read(fields) }
        #expect(error?.status == 400 && error?.mayPass == false)
        #expect(error?.parameter == parameter)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    @Test func aConstraintMustNotBeTooLong() {
        let long = String(repeating: "a", count: SamplingConstraint.maximumBytes + 1)
        let error = #expect(throws: APIError.self) { try read(#""grammar":"root ::= \"\#(long)\"""#) }
        #expect(error?.parameter == "grammar" && error?.message.contains("at most") == true)
    }

    // MARK: Tools

    @Test func theModelMayCall() throws {
        let request = try read(tools())
        #expect(request.constraint == nil)
        #expect(request.reading?.syntax == .hermes && request.reading?.names == ["get_weather"])
        #expect(request.reading?.mostCalls == .max)
        #expect(try read(tools() + #","parallel_tool_calls":false"#).reading?.mostCalls == 1)
        #expect(try read(tools() + #","tool_choice":"none""#).reading == nil)
        #expect(try read(#""tools":[],"tool_choice":"auto""#).reading == nil)
    }

    @Test(arguments: [#""required""#, #"{"type":"function","function":{"name":"get_weather"}}"#])
    func aCallThatMustComeIsForced(choice: String) throws {
        let constraint = try read(tools() + #","tool_choice":\#(choice)"#).constraint
        let call = "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\"}}\n</tool_call>"
        #expect(try accepts(constraint, call))
        #expect(try accepts(constraint, call + "\n" + call) == (choice == #""required""#))
        #expect(try !accepts(constraint, "Hello"))
        #expect(try !accepts(constraint, call.replacing("city", with: "town")))
        let llama = try read(
            tools() + #","tool_choice":\#(choice)"#, template: "{{ tools }}<|start_header_id|>\"parameters\"")
        #expect(try accepts(llama.constraint, #"{"name": "get_weather", "parameters": {"city": "Paris"}}"#))
    }

    @Test func strictArgumentsFollowTheirSchemaWhereTheModelCalls() throws {
        let constraint = try read(tools(true)).constraint
        let call = "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\"}}\n</tool_call>"
        #expect(try accepts(constraint, "No call at all, a < b."))
        #expect(try accepts(constraint, "I look.\n" + call))
        #expect(try !accepts(constraint, call.replacing("\"Paris\"", with: "5")))
        let answer = try read(tools() + #","response_format":{"type":"json_object"}"#).constraint
        #expect(try accepts(answer, "{}") && accepts(answer, call) && !accepts(answer, "Hello"))
    }

    @Test(arguments: [
        (#""tools":1"#, "tools"), (#""tools":[1]"#, "tools[0]"), (#""tools":[{}]"#, "tools[0].function"),
        (#""tools":[{"type":"web"}]"#, "tools[0].type"),
        (#""tools":[{"function":{"name":"a b"}}]"#, "tools[0].function.name"),
        (#""tools":[{"function":{"name":"é"}}]"#, "tools[0].function.name"),
        (#""tools":[{"function":{"name":"a","parameters":1}}]"#, "tools[0].function.parameters"),
        (#""tools":[{"function":{"name":"a","strict":1}}]"#, "tools[0].function.strict"),
        (#""tools":[{"function":{"name":"a"}},{"function":{"name":"a"}}]"#, "tools"),
        (#""tools":[{"function":{"name":"a"}}],"tool_choice":"any""#, "tool_choice"),
        (
            #""tools":[{"function":{"name":"a"}}],"tool_choice":{"type":"function","function":{"name":"b"}}"#,
            "tool_choice"
        ),
        (#""tools":[{"function":{"name":"a"}}],"tool_choice":{"type":"allowed_tools"}"#, "tool_choice"),
        (#""tools":[{"function":{"name":"a"}}],"parallel_tool_calls":1"#, "parallel_tool_calls"),
        (#""tools":[{"function":{"name":"a"}}],"grammar":"root ::= \"a\"""#, "tools"),
        (#""tools":[{"function":{"name":"a","strict":true,"parameters":{"not":{}}}}]"#, "tools[0].function.parameters"),
        (#""tools":[{"function":{"name":"a"}}],"tool_choice":"required","ignore_eos":true"#, "ignore_eos"),
    ])
    func refusesTools(fields: String, parameter: String) {
        let error = #expect(throws: APIError.self) { try read(fields) }
        #expect(error?.status == 400 && error?.mayPass == false)
        #expect(error?.parameter == parameter, "\(error?.message ?? "")")
    }

    @Test func toolsNeedAChatAndAKnownForm() {
        for (template, kind) in [(Self.hermes, GenerationKind.completion), ("{{ tools }}", .chat)] {
            let error = #expect(throws: APIError.self) { try read(tools(), template: template, kind) }
            #expect(error?.status == 400 && error?.parameter == "tools")
        }
    }

    // MARK: Prompts

    @Test func templatesThatKnowToolsAreToldOfThem() throws {
        let request = try ToolReader(
            RequestFields(JSONParser.parse(Array("{\(tools())}".utf8))), ByteVocabulary(chatTemplate: Self.hermes)
        ).read()
        let use = try #require(request)
        let chat = [ChatMessage(role: "user", content: "hi")]
        let known = ToolPrompt(chat, use, template: Self.hermes)
        #expect(known.messages == chat)
        guard case .array(let told)? = known.extra["tools"], told.count == 1 else {
            Issue.record("the template is not told of the tool")
            return
        }
        #expect(JSONValue(told[0])["function"]?["name"] == "get_weather")
        #expect(JSONValue(told[0])["function"]?["strict"] == nil)

        let answer = ChatMessage(
            role: "tool", content: "18", fields: [TemplateValue.Member("tool_call_id", .string("1"))])
        let described = ToolPrompt(chat + [answer], use, template: "{{ messages }}")
        #expect(described.extra.isEmpty)
        #expect(described.messages.map(\.role) == ["system", "user", "user"])
        #expect(described.messages[0].content.contains(#""name":"get_weather""#))
        #expect(described.messages[2].content == "<tool_response>\n18\n</tool_response>")
    }

    @Test func aMessageOfCallsHasNoContent() throws {
        let template = """
            {% for message in messages %}{% if message.content is none %}none{% else %}{{ message.content }}{% endif %}|\
            {% endfor %}{% if tools %}{{ tools[0].function.name }}{% endif %}
            """
        var message = ChatMessage(role: "assistant", content: "")
        message.hasNoContent = true
        let text = try ChatTemplate(source: template).render(
            messages: [message, ChatMessage(role: "user", content: "a")], addGenerationPrompt: true,
            extra: ["tools": .array([TemplateValue(["function": ["name": "f"]])])])
        #expect(text == "none|a|f")
    }
}
