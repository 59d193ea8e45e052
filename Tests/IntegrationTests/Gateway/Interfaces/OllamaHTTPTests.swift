import Domain
import Protocol
import Testing

@testable import Gateway

/// Ollama's interface through HTTP.
@Suite(.serialized) struct OllamaHTTPTests {
    private let model = ByteVocabulary.makeModel(template: "{{ tools }}<tool_call><think></think>", context: 4096)
    private static let answer =
        "<think>hm</think>I look.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"é\"}}\n</tool_call>"
    private let body =
        #""model":"bytes:latest","messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"f"}}]"#

    private static let behave: @Sendable (FakeFleet.Seen, Int) -> FakeFleet.Behaviour = { _, _ in
        .answer(ByteVocabulary.tokens(answer) + [ByteVocabulary.end], .stop)
    }

    @Test func linesUnlessToldOtherwise() async throws {
        try await GatewayFixture.run(model: model, behave: Self.behave) { fixture in
            let answer = try await fixture.ask("POST", "/api/chat", "{\(body)}")
            #expect(answer.status == 200 && answer.headers["content-type"] == "application/x-ndjson")
            let lines = try answer.body.components(of: "\n").map { try JSONParser.parse(Array($0.utf8)) }
            #expect(
                lines.allSatisfy { $0["model"] == "bytes:latest" && $0["created_at"]?.text?.hasSuffix("Z") == true })
            #expect(lines.compactMap { $0["message"]?["content"]?.text }.joined() == "I look.")
            #expect(lines.compactMap { $0["message"]?["thinking"]?.text }.joined() == "hm")
            let calls = lines.compactMap { $0["message"]?["tool_calls"]?.elements }.flatMap { $0 }
            #expect(calls == [["function": ["name": "f", "arguments": ["a": "é"]]]])
            #expect(lines.dropLast().allSatisfy { $0["done"] == false })
            let last = try #require(lines.last)
            #expect(last["done"] == true && last["done_reason"] == "stop" && last["load_duration"] == 0)
            #expect(last["eval_count"] == .integer(Self.answer.utf8.count + 1))
            let total = try #require(last["total_duration"]?.whole)
            let evaluated = try #require(last["eval_duration"]?.whole)
            #expect(total >= evaluated && evaluated > 0 && total < 60_000_000_000)
            let (_, whole) = try await fixture.json("/api/chat", #"{\#(body),"stream":false}"#)
            #expect(whole["message"]?["content"] == "I look." && whole["message"]?["thinking"] == "hm")
            #expect(whole["message"]?["tool_calls"] == .array(calls) && whole["done"] == true)
        }
    }

    @Test func aTextOfBothKinds() async throws {
        try await GatewayFixture.run { fixture in
            let (_, value) = try await fixture.json("/api/generate", #"{"prompt":"hi","stream":false}"#)
            #expect(value["response"] == "Hello!" && value["model"] == "byte-model:latest" && value["done"] == true)
            let (_, raw) = try await fixture.json("/api/generate", #"{"prompt":"hi","stream":false,"raw":true}"#)
            #expect(raw["response"] == "Hello!")
            #expect(fixture.fleet.seen.last?.prompt == [ByteVocabulary.start] + ByteVocabulary.tokens("hi"))
            let (_, loaded) = try await fixture.json("/api/generate", #"{"model":"bytes","keep_alive":0}"#)
            #expect(loaded["done_reason"] == "load" && loaded["response"] == "" && fixture.fleet.seen.count == 2)
        }
    }

    @Test func whatIsThere() async throws {
        var model = ByteVocabulary.makeModel(template: "<tool_call>{{ tools }}")
        model.file.architecture = "llama"
        model.file.parameters = 134_515_008
        model.file.bytes = 91_000_000
        model.file.figures = [ModelFileFacts.Figure(key: "llama.block_count", value: 30)]
        try await GatewayFixture.run(model: model) { fixture in
            func get(_ path: String) async throws -> JSONValue {
                try JSONParser.parse(Array(try await fixture.ask("GET", path).body.utf8))
            }
            let tags = try #require(try await get("/api/tags")["models"]?.elements)
            #expect(tags.compactMap { $0["name"]?.text } == ["byte-model:latest", "bytes:latest"])
            #expect(tags[0]["size"] == 91_000_000 && tags[0]["details"]?["parameter_size"] == "134.5M")
            #expect(try await get("/api/ps")["models"]?.elements?.first?["name"] == "byte-model:latest")
            #expect(try await get("/api/version") == ["version": .string(ProductVersion.number)])
            let (status, shown) = try await fixture.json("/api/show", #"{"model":"byte-model:latest"}"#)
            #expect(status == 200 && shown["model_info"]?["llama.block_count"] == 30)
            #expect(shown["capabilities"] == ["completion", "tools"])
            let missing = try await fixture.json("/api/show", #"{"model":"none"}"#)
            #expect(missing.status == 404 && missing.value["error"]?.text?.contains("none") == true)
            #expect(try await get("/api/nothing")["error"]?.text?.isEmpty == false)
        }
    }
}
