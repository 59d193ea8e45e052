import Testing

@testable import Gateway

/// Bodies of `/v1/messages` as bodies of a chat.
struct AnthropicReaderTests {
    private func chat(_ body: String) throws -> JSONValue {
        try AnthropicReader.chat(JSONParser.parse(Array(body.utf8)))
    }

    private func error(_ body: String) -> APIError? {
        #expect(throws: APIError.self) { try chat(body) }
    }

    @Test func aConversationWithTools() throws {
        let chat = try chat(
            #"""
            {"model":"m","max_tokens":9,"system":[{"type":"text","text":"Be brief."}],"stop_sequences":["END"],
            "temperature":0.5,"metadata":{"user_id":"me"},"messages":[{"role":"user","content":"hi"},
            {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"x"},
            {"type":"text","text":"I look."},{"type":"tool_use","id":"t1","name":"f","input":{"a":1}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"42"},
            {"type":"text","text":"And?","cache_control":{"type":"ephemeral"}}]}],
            "tools":[{"name":"f","description":"d","input_schema":{"type":"object"}}],
            "tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true}}
            """#)
        let text: (String) -> JSONValue = { [["type": "text", "text": .string($0)]] }
        #expect(
            chat["messages"] == [
                ["role": "system", "content": text("Be brief.")], ["role": "user", "content": text("hi")],
                [
                    "role": "assistant", "content": text("I look."),
                    "tool_calls": [
                        ["id": "t1", "type": "function", "function": ["name": "f", "arguments": #"{"a":1}"#]]
                    ],
                    "reasoning_content": "hm",
                ],
                ["role": "tool", "tool_call_id": "t1", "content": text("42")],
                ["role": "user", "content": text("And?")],
            ])
        #expect(
            chat["tools"] == [
                [
                    "type": "function",
                    "function": ["name": "f", "parameters": ["type": "object"], "description": "d"],
                ]
            ])
        #expect(chat["tool_choice"] == ["type": "function", "function": ["name": "f"]])
        #expect(chat["parallel_tool_calls"] == false && chat["stop"] == ["END"])
        #expect(chat["max_tokens"] == 9 && chat["temperature"] == .number(0.5) && chat["model"] == "m")
        for name in ["system", "stop_sequences", "metadata"] { #expect(chat[name] == nil) }
    }

    @Test(arguments: [(#""auto""#, "auto"), (#""any""#, "required"), (#""none""#, "none")])
    func choicesOfTools(theirs: String, ours: String) throws {
        let chat = try chat(#"{"messages":[{"role":"user","content":"a"}],"tool_choice":{"type":\#(theirs)}}"#)
        #expect(chat["tool_choice"] == .string(ours))
    }

    @Test func thinkingAndForms() throws {
        func with(_ fields: String) throws -> JSONValue {
            try chat(#"{"messages":[{"role":"user","content":"a"}],\#(fields)}"#)
        }
        let on = try with(#""thinking":{"type":"enabled","budget_tokens":1024}"#)
        #expect(on["enable_thinking"] == true && on["thinking"] == nil && on["include_reasoning"] == nil)
        let off = try with(#""thinking":{"type":"disabled"}"#)
        #expect(off["enable_thinking"] == false && off["include_reasoning"] == false)
        let form = try with(
            #""output_config":{"effort":"low","format":{"type":"json_schema","schema":{"type":"array"}}}"#)
        #expect(form["response_format"]?["json_schema"]?["schema"] == ["type": "array"])
        #expect(form["reasoning_effort"] == "low" && form["output_config"] == nil)
    }

    @Test func whatCannotBeDoneIsNamed() {
        let hi = #""messages":[{"role":"user","content":"a"}]"#
        let table: [(String, String)] = [
            (#"{"max_tokens":1}"#, "messages"), (#"{"messages":[]}"#, "messages"),
            (#"{"messages":[{"role":"tool","content":"a"}]}"#, "messages[0].role"),
            (#"{"messages":[{"role":"user"}]}"#, "messages[0].content"),
            (
                #"{"messages":[{"role":"user","content":[{"type":"image","source":{}}]}]}"#,
                "messages[0].content[0].type"
            ),
            (
                #"{"messages":[{"role":"user","content":[{"type":"tool_result"}]}]}"#,
                "messages[0].content[0].tool_use_id"
            ),
            (
                #"{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":"x"}]}]}"#,
                "messages[0].content[0].input"
            ),
            (#"{\#(hi),"tools":[{"type":"web_search_20250305","name":"web_search"}]}"#, "tools[0].type"),
            (#"{\#(hi),"tools":[{"name":"f"}]}"#, "tools[0].input_schema"),
            (#"{\#(hi),"tool_choice":{"type":"every"}}"#, "tool_choice.type"),
            (#"{\#(hi),"thinking":{"type":"some"}}"#, "thinking.type"), (#"{\#(hi),"n":2}"#, "n"),
            (#"{\#(hi),"mcp_servers":[{"url":"x"}]}"#, "mcp_servers"), (#"{\#(hi),"logprobs":true}"#, "logprobs"),
            (#"{\#(hi),"output_format":{"type":"text"}}"#, "output_format"),
        ]
        for (body, parameter) in table {
            let error = error(body)
            #expect(error?.status == 400 && error?.parameter == parameter, "\(body): \(String(describing: error))")
            #expect(error?.message.contains(parameter) == true, "\(body)")
        }
    }
}
