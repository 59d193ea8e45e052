import Domain
import Protocol
import Testing

@testable import Gateway

/// Calls of tools through HTTP, whole and as events.
@Suite(.serialized) struct HTTPToolTests {
    private let chat = "/v1/chat/completions"
    private let model = ByteVocabulary.makeModel(template: "{{ tools }}<tool_call>", context: 4096)
    private let body = #"""
        "messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"f"}},
        {"type":"function","function":{"name":"g"}}]
        """#
    private static let answer =
        "I look.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"é\"}}\n</tool_call>\n"
        + "<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>"

    private static let behave: @Sendable (FakeFleet.Seen, Int) -> FakeFleet.Behaviour = { _, _ in
        .answer(ByteVocabulary.tokens(answer) + [ByteVocabulary.end], .stop)
    }

    @Test func aWholeAnswerHasItsCalls() async throws {
        try await GatewayFixture.run(model: model, behave: Self.behave) { fixture in
            let (status, value) = try await fixture.json(chat, "{\(body)}")
            #expect(status == 200)
            let choice = try #require(value["choices"]?.elements?.first)
            #expect(choice["finish_reason"] == "tool_calls")
            #expect(choice["message"]?["content"] == "I look.")
            let calls = try #require(choice["message"]?["tool_calls"]?.elements)
            #expect(calls.compactMap { $0["function"]?["name"]?.text } == ["f", "g"])
            #expect(calls.compactMap { $0["function"]?["arguments"]?.text } == [#"{"a": "é"}"#, "{}"])
            #expect(calls.allSatisfy { $0["type"] == "function" })
            #expect(Set(calls.compactMap { $0["id"]?.text }).count == 2)
            let (_, single) = try await fixture.json(chat, #"{\#(body),"parallel_tool_calls":false}"#)
            let only = single["choices"]?.elements?.first?["message"]?["tool_calls"]?.elements
            #expect(only?.compactMap { $0["function"]?["name"]?.text } == ["f"])
        }
    }

    @Test func aStreamHasTheSameInPieces() async throws {
        try await GatewayFixture.run(model: model, behave: Self.behave) { fixture in
            let answer = try await fixture.ask("POST", chat, #"{\#(body),"stream":true}"#)
            var content = ""
            var calls: [(id: String, name: String, arguments: String)] = []
            var reasons: [String] = []
            for chunk in try events(answer.body) {
                guard let choice = chunk["choices"]?.elements?.first else { continue }
                content += choice["delta"]?["content"]?.text ?? ""
                if let reason = choice["finish_reason"]?.text { reasons.append(reason) }
                for call in choice["delta"]?["tool_calls"]?.elements ?? [] {
                    let index = try #require(call["index"]?.whole)
                    if let id = call["id"]?.text {
                        #expect(index == calls.count && call["type"] == "function")
                        calls.append((id, call["function"]?["name"]?.text ?? "", ""))
                    }
                    calls[index].arguments += call["function"]?["arguments"]?.text ?? ""
                }
            }
            #expect(content == "I look.")
            #expect(reasons == ["tool_calls"])
            #expect(calls.map(\.name) == ["f", "g"] && calls.map(\.arguments) == [#"{"a": "é"}"#, "{}"])
            #expect(answer.body.hasSuffix("data: [DONE]\n\n"))
        }
    }

    @Test func aCallAloneLeavesNoContent() async throws {
        let call = "<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>"
        try await GatewayFixture.run(
            model: model,
            behave: { _, _ in .answer(ByteVocabulary.tokens(call), .stop) }
        ) { fixture in
            let (_, value) = try await fixture.json(chat, #"{\#(body),"tool_choice":"required"}"#)
            let choice = try #require(value["choices"]?.elements?.first)
            #expect(choice["message"]?["content"] == .null)
            #expect(choice["finish_reason"] == "tool_calls")
            #expect(fixture.fleet.seen.first?.body.constraint?.kind == .format)
        }
    }

    @Test func aConstraintTravelsWithEverySubmission() async throws {
        try await GatewayFixture.run { fixture in
            let messages = #""messages":[{"role":"user","content":"hi"}]"#
            let (status, _) = try await fixture.json(
                chat, #"{\#(messages),"response_format":{"type":"json_object"},"n":2}"#)
            #expect(status == 200)
            #expect(fixture.fleet.seen.count == 2)
            #expect(fixture.fleet.seen.allSatisfy { $0.body.constraint == SamplingConstraint(.jsonObject) })
        }
    }

    @Test func clientsLearnThatTryingAgainIsOfNoUse() {
        for (code, status) in [
            (Fault.constraintFailedCode, 400), (Fault.constraintsNotSupportedCode, 400),
            (Fault.samplingNotSupportedCode, 400),
        ] {
            let error = APIError(Fault(code, "why"), kind: .chat, promptTokens: 1, context: 10)
            #expect(error.status == status && !error.mayPass && error.code == code)
            #expect(error.message.contains("why"))
        }
    }

    @Test func theFieldThatAFleetDoesNotKnowIsNamed() async throws {
        let messages = #""messages":[{"role":"user","content":"hi"}]"#
        let tool = #"{"type":"function","function":{"name":"f"}}"#
        let schema = #"{"type":"object"}"#
        let table = [
            (#""response_format":{"type":"json_object"}"#, "response_format"),
            (#""grammar":"root ::= \"a\"""#, "grammar"), (#""regex":"a+""#, "regex"),
            (#""structured_outputs":{"choice":["a"]}"#, "structured_outputs"),
            (#""guided_json":\#(schema)"#, "guided_json"), (#""json_schema":\#(schema)"#, "json_schema"),
            (#""tools":[\#(tool)],"tool_choice":"required""#, "tools"),
        ]
        try await GatewayFixture.run(
            model: model, behave: { _, _ in .refuse(Fault(Fault.constraintsNotSupportedCode, "old workers")) }
        ) { fixture in
            for (fields, name) in table {
                let (status, value) = try await fixture.json(chat, "{\(messages),\"max_tokens\":5,\(fields)}")
                #expect(status == 400, "\(fields)")
                #expect(value["error"]?["param"] == .string(name), "\(fields)")
                #expect(value["error"]?["code"] == .string(Fault.constraintsNotSupportedCode))
            }
        }
        let request = #"{\#(messages),"response_format":{"type":"json_object"}}"#
        let translation = Translation(
            body: try JSONParser.parse(Array(request.utf8)), names: ["response_format": "format"],
            encoder: { AnthropicEncoder($0) })
        let reader = RequestReader(model: model, limits: RequestLimits())
        #expect(try translation.request(reader).constraintField == "format")
    }
}
