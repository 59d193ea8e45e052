import Testing

@testable import Gateway

/// Bodies of `/api/chat` and `/api/generate` as ours.
struct OllamaReaderTests {
    private let chats = OllamaReader(form: .chat, names: ByteVocabulary.model.names)
    private let texts = OllamaReader(form: .generate, names: ByteVocabulary.model.names)

    private func parse(_ body: String) throws -> JSONValue { try JSONParser.parse(Array(body.utf8)) }

    @Test func aChat() throws {
        let chat = try chats.chat(
            parse(
                #"""
                {"model":"bytes:latest","messages":[{"role":"system","content":"s"},{"role":"user","content":"hi"},
                {"role":"assistant","content":"","thinking":"hm","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]},
                {"role":"tool","content":"42","tool_name":"f"}],"tools":[{"type":"function","function":{"name":"f"}}],
                "options":{"num_predict":5,"temperature":0.5,"top_k":3,"top_p":0.9,"min_p":0.1,"seed":7,"stop":["x"],
                "num_ctx":4096,"repeat_penalty":1.1,"num_thread":4,"mirostat":0},"format":"json","think":false,
                "keep_alive":"5m"}
                """#))
        let function: JSONValue = ["name": "f", "arguments": ["a": 1]]
        #expect(
            chat["messages"] == [
                ["role": "system", "content": "s"], ["role": "user", "content": "hi"],
                [
                    "role": "assistant", "tool_calls": [["function": function, "type": "function"]],
                    "content": .null, "reasoning_content": "hm",
                ],
                ["role": "tool", "content": "42", "name": "f"],
            ])
        #expect(chat["model"] == "byte-model" && chat["stream"] == true && chat["n_predict"] == 5)
        #expect(chat["temperature"] == .number(0.5) && chat["top_k"] == 3 && chat["min_p"] == .number(0.1))
        #expect(chat["seed"] == 7 && chat["stop"] == ["x"] && chat["repeat_penalty"] == .number(1.1))
        #expect(chat["response_format"] == ["type": "json_object"] && chat["enable_thinking"] == false)
        for name in ["options", "format", "think", "keep_alive", "num_thread", "num_ctx"] { #expect(chat[name] == nil) }
    }

    @Test func aTextAndARawOne() throws {
        let chat = try texts.generate(parse(#"{"prompt":"hi","system":"s","stream":false,"format":{"type":"array"}}"#))
        #expect(chat["messages"] == [["role": "system", "content": "s"], ["role": "user", "content": "hi"]])
        #expect(chat["response_format"]?["json_schema"]?["schema"] == ["type": "array"] && chat["stream"] == false)
        let raw = try texts.raw(parse(#"{"prompt":"hi","raw":true}"#))
        #expect(raw["prompt"] == "hi" && raw["messages"] == nil && raw["raw"] == nil)
    }

    @Test func whatCannotBeDoneIsNamed() throws {
        let hi = #""messages":[{"role":"user","content":"hi"}]"#
        let reader = RequestReader(model: ByteVocabulary.model, limits: RequestLimits())
        let table: [(OllamaReader, String, String)] = [
            (chats, #"{"messages":5}"#, "messages"), (chats, #"{"messages":[{"content":"a"}]}"#, "messages[0].role"),
            (chats, #"{"messages":[{"role":"user","content":"a","images":["x"]}]}"#, "messages[0].images"),
            (chats, #"{\#(hi),"options":{"num_predict":0}}"#, "options.num_predict"),
            (chats, #"{\#(hi),"options":{"num_ctx":-1}}"#, "options.num_ctx"),
            (chats, #"{\#(hi),"options":{"temperature":9}}"#, "options.temperature"),
            (chats, #"{\#(hi),"options":{"mirostat":2}}"#, "options.mirostat"),
            (chats, #"{\#(hi),"options":{"repeat_last_n":64,"repeat_penalty":1.1}}"#, "options.repeat_last_n"),
            (chats, #"{\#(hi),"options":[]}"#, "options"), (chats, #"{\#(hi),"format":"xml"}"#, "format"),
            (chats, #"{\#(hi),"think":true}"#, "think"), (chats, #"{\#(hi),"think":5}"#, "think"),
            (chats, #"{\#(hi),"logprobs":true}"#, "logprobs"), (texts, #"{"prompt":"a","suffix":"b"}"#, "suffix"),
            (texts, #"{"prompt":"a","context":[1]}"#, "context"),
            (texts, #"{"prompt":"a","template":"{{ .Prompt }}"}"#, "template"),
            (texts, #"{"prompt":"a","raw":true,"system":"s"}"#, "system"),
            (texts, #"{"prompt":"a","raw":true,"think":true}"#, "think"),
            (texts, #"{"prompt":"a","model":"none:latest"}"#, "model"),
        ]
        for (form, body, parameter) in table {
            let error = #expect(throws: APIError.self, "\(body)") {
                guard case .request(let translation) = try form.interface.read(parse(body)) else { return }
                _ = try translation.request(reader)
            }
            #expect(error?.parameter == parameter, "\(body): \(String(describing: error))")
            #expect(error.map { [400, 404].contains($0.status) } == true, "\(body)")
        }
    }
}
