import Domain
import Protocol
import Testing

@testable import Gateway

/// `/v1/responses` through HTTP, whole and as events.
@Suite(.serialized) struct ResponsesHTTPTests {
    private let path = "/v1/responses"
    private let model = ByteVocabulary.makeModel(template: "{{ tools }}<tool_call><think></think>", context: 4096)
    private static let answer =
        "<think>hm</think>I look.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"é\"}}\n</tool_call>"
    private let tools = #""tools":[{"type":"function","name":"f","parameters":{"type":"object"}}]"#

    private static let behave: @Sendable (FakeFleet.Seen, Int) -> FakeFleet.Behaviour = { _, _ in
        .answer(ByteVocabulary.tokens(answer) + [ByteVocabulary.end], .stop)
    }

    @Test func aWholeResponse() async throws {
        try await GatewayFixture.run(model: model, behave: Self.behave) { fixture in
            let (status, value) = try await fixture.json(path, #"{"input":"hi",\#(tools),"metadata":{"a":"b"}}"#)
            #expect(status == 200 && value["object"] == "response" && value["status"] == "completed")
            #expect(value["error"] == .null && value["incomplete_details"] == .null && value["store"] == false)
            #expect(value["metadata"] == ["a": "b"] && value["tools"]?.elements?.count == 1)
            let output = try #require(value["output"]?.elements)
            #expect(output.compactMap { $0["type"]?.text } == ["reasoning", "message", "function_call"])
            #expect(output.allSatisfy { $0["status"] == "completed" })
            #expect(output[0]["content"] == [["type": "reasoning_text", "text": "hm"]])
            #expect(output[1]["content"]?.elements?.first?["text"] == "I look.")
            #expect(output[2]["name"] == "f" && output[2]["arguments"] == #"{"a": "é"}"#)
            #expect(value["usage"]?["output_tokens"] == .integer(Self.answer.utf8.count + 1))
            #expect((value["usage"]?["output_tokens_details"]?["reasoning_tokens"]?.whole ?? 0) > 0)
        }
    }

    @Test func theSameAsEvents() async throws {
        try await GatewayFixture.run(model: model, behave: Self.behave) { fixture in
            let answer = try await fixture.ask("POST", path, #"{"input":"hi",\#(tools),"stream":true}"#)
            let events = try answer.body.components(of: "\n\n").map { frame in
                let lines = frame.components(of: "\n")
                let value = try JSONParser.parse(Array(try #require(lines.last).dropFirst(6).utf8))
                #expect(lines.first == "event: \(value["type"]?.text ?? "")")
                return value
            }
            #expect(events.compactMap { $0["sequence_number"]?.whole } == Array(events.indices))
            var types: [String] = []
            for type in events.compactMap({ $0["type"]?.text }) where types.last != type { types.append(type) }
            #expect(
                types.map { String($0.dropFirst("response.".count)) } == [
                    "created", "in_progress",
                    "output_item.added", "content_part.added", "reasoning_text.delta", "reasoning_text.done",
                    "content_part.done", "output_item.done",
                    "output_item.added", "content_part.added", "output_text.delta", "output_text.done",
                    "content_part.done", "output_item.done",
                    "output_item.added", "function_call_arguments.delta", "function_call_arguments.done",
                    "output_item.done", "completed",
                ])
            var texts: [Int: String] = [:]
            for event in events where event["type"]?.text?.hasSuffix(".delta") == true {
                texts[event["output_index"]?.whole ?? -1, default: ""] += event["delta"]?.text ?? ""
            }
            #expect(texts == [0: "hm", 1: "I look.", 2: #"{"a": "é"}"#])
            let last = try #require(events.last?["response"])
            #expect(last["status"] == "completed" && last["id"] == events.first?["response"]?["id"])
            let done = events.filter { $0["type"] == "response.output_item.done" }.compactMap { $0["item"] }
            #expect(last["output"] == .array(done))
        }
    }

    @Test func anAnswerThatIsCutIsIncomplete() async throws {
        try await GatewayFixture.run(behave: { _, _ in .answer(ByteVocabulary.tokens("ab"), .length) }) { fixture in
            let (_, value) = try await fixture.json(path, #"{"input":"hi","max_output_tokens":2}"#)
            #expect(value["status"] == "incomplete")
            #expect(value["incomplete_details"] == ["reason": "max_output_tokens"])
            #expect(value["output"]?.elements?.first?["status"] == "incomplete")
            let answer = try await fixture.ask("POST", path, #"{"input":"hi","max_output_tokens":2,"stream":true}"#)
            #expect(answer.body.contains("event: response.incomplete\n") && !answer.body.contains("[DONE]"))
        }
    }

    @Test func anAnswerThatFailsSaysSo() async throws {
        let behave: @Sendable (FakeFleet.Seen, Int) -> FakeFleet.Behaviour = { _, _ in .hang(ByteVocabulary.tokens("a"))
        }
        try await GatewayFixture.run(behave: behave) { fixture in
            async let answer = fixture.ask("POST", path, #"{"input":"hi","stream":true}"#)
            let id = try await eventually { fixture.fleet.seen.first?.id }
            try await fixture.fleet.lose(id, Fault("broken", "it broke", isRetriable: false))
            let text = try await answer.body
            let isEvent = text.contains("event: response.failed\n") && text.contains(#""status":"failed""#)
            #expect((isEvent || text.hasPrefix(#"{"error""#)) && text.contains("it broke"), "\(text)")
            let refused = try await fixture.json(path, #"{"input":"hi","previous_response_id":"resp_x"}"#)
            #expect(refused.status == 400 && refused.value["error"]?["param"] == "previous_response_id")
        }
    }
}
