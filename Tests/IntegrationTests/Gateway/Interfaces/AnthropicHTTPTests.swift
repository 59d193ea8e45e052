import Domain
import Protocol
import Testing

@testable import Gateway

/// `/v1/messages` through HTTP, whole and as events.
@Suite(.serialized) struct AnthropicHTTPTests {
    private let path = "/v1/messages"
    private let model = ByteVocabulary.makeModel(template: "{{ tools }}<tool_call><think></think>", context: 4096)
    private static let answer =
        "<think>hm</think>I look.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"é\"}}\n</tool_call>"

    private static let behave: @Sendable (FakeFleet.Seen, Int) -> FakeFleet.Behaviour = { _, _ in
        .answer(ByteVocabulary.tokens(answer) + [ByteVocabulary.end], .stop)
    }

    private func body(_ more: String = "") -> String {
        #"{"model":"byte-model","max_tokens":500,"messages":[{"role":"user","content":"hi"}],"#
            + #""tools":[{"name":"f","input_schema":{"type":"object"}}]\#(more)}"#
    }

    @Test func aWholeMessage() async throws {
        try await GatewayFixture.run(model: model, behave: Self.behave) { fixture in
            let answer = try await fixture.ask("POST", path, body())
            let value = try JSONParser.parse(Array(answer.body.utf8))
            #expect(answer.status == 200 && answer.headers["request-id"] == answer.headers["x-request-id"])
            #expect(value["type"] == "message" && value["role"] == "assistant" && value["model"] == "byte-model")
            #expect(value["stop_reason"] == "tool_use" && value["stop_sequence"] == .null)
            let content = try #require(value["content"]?.elements)
            #expect(content.count == 3)
            #expect(content[0] == ["type": "thinking", "thinking": "hm", "signature": ""])
            #expect(content[1] == ["type": "text", "text": "I look."])
            #expect(content[2]["type"] == "tool_use" && content[2]["name"] == "f")
            #expect(content[2]["input"] == ["a": "é"] && content[2]["id"]?.text?.isEmpty == false)
            let tokens = Self.answer.utf8.count + 1
            #expect(value["usage"]?["output_tokens"] == .integer(tokens))
            let gone = try await fixture.ask("POST", "/v1/cancel/\(value["id"]?.text ?? "")")
            #expect(gone.status == 404 && gone.body.contains("msg_"))
            let counted = try await fixture.json(path + "/count_tokens", body())
            #expect(counted.status == 200 && counted.value["input_tokens"] == value["usage"]?["input_tokens"])
        }
    }

    @Test func theSameAsEvents() async throws {
        try await GatewayFixture.run(model: model, behave: Self.behave) { fixture in
            let answer = try await fixture.ask("POST", path, body(#","stream":true"#))
            #expect(answer.headers["content-type"]?.hasPrefix("text/event-stream") == true)
            let frames = answer.body.components(of: "\n\n").map { $0.components(of: "\n") }
            let events = try frames.map { lines in
                let value = try JSONParser.parse(Array(try #require(lines.last).dropFirst(6).utf8))
                #expect(lines.first == "event: \(value["type"]?.text ?? "")")
                return value
            }
            let types = events.compactMap { $0["type"]?.text }
            #expect(types.prefix(2) == ["message_start", "ping"])
            #expect(types.suffix(2) == ["message_delta", "message_stop"])
            let starts = events.filter { $0["type"] == "content_block_start" }
            #expect(starts.compactMap { $0["index"]?.whole } == [0, 1, 2])
            #expect(starts.compactMap { $0["content_block"]?["type"]?.text } == ["thinking", "text", "tool_use"])
            #expect(types.count { $0 == "content_block_stop" } == 3)
            var texts = ["", "", ""]
            for event in events where event["type"] == "content_block_delta" {
                let index = try #require(event["index"]?.whole)
                let delta = try #require(event["delta"])
                texts[index] += (delta["text"] ?? delta["thinking"] ?? delta["partial_json"])?.text ?? ""
            }
            #expect(texts == ["hm", "I look.", #"{"a": "é"}"#])
            let last = try #require(events.dropLast().last)
            #expect(last["delta"]?["stop_reason"] == "tool_use")
            #expect(last["usage"]?["output_tokens"] == .integer(Self.answer.utf8.count + 1))
            #expect(!answer.body.contains("[DONE]"))
        }
    }

    @Test func reasonsToStop() async throws {
        let behave: @Sendable (FakeFleet.Seen, Int) -> FakeFleet.Behaviour = { seen, _ in
            .answer(ByteVocabulary.tokens("a STOP b"), seen.body.stop.maxTokens == 2 ? .length : .stop)
        }
        try await GatewayFixture.run(behave: behave) { fixture in
            func ask(_ more: String) async throws -> JSONValue {
                try await fixture.json(path, #"{"messages":[{"role":"user","content":"hi"}],\#(more)}"#).value
            }
            let stopped = try await ask(#""max_tokens":20,"stop_sequences":["STOP"]"#)
            #expect(stopped["stop_reason"] == "stop_sequence" && stopped["stop_sequence"] == "STOP")
            #expect(stopped["content"] == [["type": "text", "text": "a "]])
            let cut = try await ask(#""max_tokens":2"#)
            #expect(cut["stop_reason"] == "max_tokens" && cut["content"] == [["type": "text", "text": "a "]])
            let ended = try await ask(#""max_tokens":20"#)
            #expect(ended["stop_reason"] == "end_turn" && ended["stop_sequence"] == .null)
        }
    }

    @Test func errorsHaveTheirForm() async throws {
        let keys = [APIKey(name: "me", key: "sk-one")]
        try await GatewayFixture.run(configure: { $0.apiKeys = keys }) { fixture in
            func ask(_ body: String, _ key: String? = "sk-one") async throws -> (Int, JSONValue) {
                let headers = key.map { ["x-api-key": $0] } ?? [:]
                let answer = try await fixture.ask("POST", path, body, headers: headers)
                return (answer.status, try JSONParser.parse(Array(answer.body.utf8)))
            }
            let hi = #""messages":[{"role":"user","content":"hi"}]"#
            let table: [(String, String?, Int, String)] = [
                ("{\(hi)}", nil, 401, "authentication_error"), ("{}", "sk-one", 400, "invalid_request_error"),
                (#"{\#(hi),"model":"claude"}"#, "sk-one", 404, "not_found_error"),
                (#"{\#(hi),"temperature":7}"#, "sk-one", 400, "invalid_request_error"),
                (#"{\#(hi),"stop_sequences":[""]}"#, "sk-one", 400, "invalid_request_error"),
            ]
            for (body, key, status, type) in table {
                let (told, value) = try await ask(body, key)
                #expect(told == status && value["type"] == "error" && value["error"]?["type"] == .string(type))
                #expect(value["error"]?["message"]?.text?.isEmpty == false)
            }
            #expect(try await ask("{\(hi)}").0 == 200)
            #expect(try await fixture.ask("GET", path).body.contains(#""type":"error""#))
        }
    }

    @Test func aStreamThatCannotGoOn() async throws {
        let behave: @Sendable (FakeFleet.Seen, Int) -> FakeFleet.Behaviour = { _, _ in
            .lose(ByteVocabulary.tokens("a"), Fault("broken", "it broke", isRetriable: false))
        }
        try await GatewayFixture.run(behave: behave) { fixture in
            let answer = try await fixture.ask(
                "POST", path, #"{"messages":[{"role":"user","content":"hi"}],"stream":true}"#)
            // What is lost before its first token has a status of its own.
            let last = try #require(answer.body.components(of: "\n").last)
            #expect(last.contains(#""type":"error""#) && last.contains("it broke"))
        }
    }
}
