import Testing

@testable import Gateway

/// Bodies of `/v1/responses` as bodies of a chat.
struct ResponsesReaderTests {
    private func chat(_ body: String) throws -> JSONValue {
        try ResponsesReader.chat(JSONParser.parse(Array(body.utf8)))
    }

    @Test func aText() throws {
        let chat = try chat(
            #"{"model":"m","input":"hi","instructions":"Be brief.","store":true,"max_output_tokens":7,"stream":true}"#)
        #expect(
            chat["messages"] == [["role": "system", "content": "Be brief."], ["role": "user", "content": "hi"]])
        #expect(chat["max_tokens"] == 7 && chat["stream"] == true && chat["model"] == "m")
        for name in ["input", "instructions", "store", "max_output_tokens"] { #expect(chat[name] == nil) }
    }

    @Test func aConversationWithCalls() throws {
        let chat = try chat(
            #"""
            {"input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]},
            {"type":"reasoning","id":"r","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]},
            {"type":"message","role":"assistant","content":[{"type":"output_text","text":"I look.","annotations":[]}]},
            {"type":"function_call","call_id":"c1","name":"f","arguments":"{\"a\":1}"},
            {"type":"function_call","call_id":"c2","name":"f","arguments":"{}"},
            {"type":"function_call_output","call_id":"c1","output":"42"},
            {"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"43"}]}],
            "tools":[{"type":"function","name":"f","parameters":{"type":"object"},"strict":true}],
            "tool_choice":{"type":"function","name":"f"},"reasoning":{"effort":"low"},
            "text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"}},"verbosity":"low"}}
            """#)
        func text(_ text: String) -> JSONValue { [["type": "text", "text": .string(text)]] }
        func call(_ id: String, _ arguments: String) -> JSONValue {
            [
                "id": .string(id), "type": "function",
                "function": ["name": "f", "arguments": .string(arguments)],
            ]
        }
        #expect(
            chat["messages"] == [
                ["role": "user", "content": text("hi")],
                [
                    "role": "assistant", "content": text("I look."),
                    "tool_calls": [call("c1", #"{"a":1}"#), call("c2", "{}")], "reasoning_content": "hm",
                ],
                ["role": "tool", "tool_call_id": "c1", "content": text("42")],
                ["role": "tool", "tool_call_id": "c2", "content": text("43")],
            ])
        let function: JSONValue = ["name": "f", "parameters": ["type": "object"], "strict": true]
        #expect(chat["tools"] == [["type": "function", "function": function]])
        #expect(chat["tool_choice"] == ["type": "function", "function": ["name": "f"]])
        #expect(chat["response_format"]?["json_schema"] == ["name": "n", "schema": ["type": "object"]])
        #expect(chat["reasoning_effort"] == "low" && chat["text"] == nil && chat["reasoning"] == nil)
    }

    @Test func whatCannotBeDoneIsNamed() {
        let table: [(String, String)] = [
            ("{}", "input"), (#"{"input":[]}"#, "input"), (#"{"input":5}"#, "input"),
            (#"{"input":"a","previous_response_id":"resp_1"}"#, "previous_response_id"),
            (#"{"input":"a","conversation":"c"}"#, "conversation"), (#"{"input":"a","background":true}"#, "background"),
            (#"{"input":"a","truncation":"auto"}"#, "truncation"), (#"{"input":"a","prompt":{"id":"p"}}"#, "prompt"),
            (#"{"input":"a","include":["message.output_text.logprobs"]}"#, "include"),
            (#"{"input":"a","top_logprobs":3}"#, "top_logprobs"),
            (#"{"input":"a","max_output_tokens":0}"#, "max_output_tokens"),
            (#"{"input":"a","tools":[{"type":"web_search"}]}"#, "tools[0].type"),
            (#"{"input":"a","tool_choice":{"type":"allowed_tools"}}"#, "tool_choice"),
            (#"{"input":"a","text":{"format":{"type":"xml"}}}"#, "text.format.type"),
            (#"{"input":"a","text":{"format":{"type":"json_schema"}}}"#, "text.format.schema"),
            (#"{"input":[{"type":"item_reference","id":"x"}]}"#, "input[0].type"),
            (#"{"input":[{"type":"computer_call"}]}"#, "input[0].type"),
            (#"{"input":[{"role":"user","content":[{"type":"input_image"}]}]}"#, "input[0].content[0].type"),
            (#"{"input":[{"role":"tool","content":"a"}]}"#, "input[0].role"),
            (#"{"input":[{"type":"function_call","name":"f","arguments":"{}"}]}"#, "input[0].call_id"),
        ]
        for (body, parameter) in table {
            let error = #expect(throws: APIError.self) { try chat(body) }
            #expect(error?.status == 400 && error?.parameter == parameter, "\(body): \(String(describing: error))")
            #expect(error?.message.contains(parameter) == true, "\(body)")
        }
        #expect(throws: Never.self) { try chat(#"{"input":"a","background":false,"truncation":"disabled"}"#) }
    }

    @Test func errorsOfTheChatHaveTheNamesOfThisInterface() throws {
        let reader = RequestReader(model: ByteVocabulary.makeModel(context: 8), limits: RequestLimits())
        guard
            case .request(let translation) = try ResponsesReader.interface.read(["input": "much too long"])
        else { return #expect(Bool(false), "it is a request") }
        let error = #expect(throws: APIError.self) { try translation.request(reader) }
        #expect(error?.parameter == "input" && error?.code == "context_length_exceeded")
    }
}
