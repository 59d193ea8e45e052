import Domain
import Inference
import Protocol
import Testing

@testable import Gateway

/// Whole answers and streams, through HTTP, ZeroMQ and back.
@Suite(.serialized) struct HTTPAnswerTests {
    private let hi = #""messages":[{"role":"user","content":"hi"}]"#
    private let chat = "/v1/chat/completions"

    @Test func aWholeChat() async throws {
        try await GatewayFixture.run { fixture in
            let (status, value) = try await fixture.json(chat, #"{"model":"byte-model",\#(hi),"seed":5}"#)
            #expect(status == 200)
            #expect(value["object"] == "chat.completion")
            #expect(value["model"] == "byte-model")
            let choice = try #require(value["choices"]?.elements?.first)
            #expect(choice["message"]?["content"] == "Hello!")
            #expect(choice["message"]?["role"] == "assistant")
            #expect(choice["finish_reason"] == "stop")
            let prompt = ByteVocabulary().encode([ChatMessage(role: "user", content: "hi")])
            #expect(value["usage"]?["prompt_tokens"] == .integer(prompt.count))
            #expect(value["usage"]?["completion_tokens"] == 7)
            #expect(value["usage"]?["total_tokens"] == .integer(prompt.count + 7))
            #expect(value["e2llm"]?["ttft_ms"]?.double != nil)
            #expect(value["timings"]?["predicted_n"] == 7)
            let seen = try #require(fixture.fleet.seen.first)
            #expect(seen.prompt == prompt)
            #expect(seen.body.sampling.seed == 5)
            #expect(seen.body.stop.stopTokens == [ByteVocabulary.end])
            #expect(fixture.fleet.cancelled.isEmpty)
        }
    }

    @Test func aStreamedChat() async throws {
        try await GatewayFixture.run(behave: { _, _ in .answer(ByteVocabulary.tokens("h€!"), .length) }) { fixture in
            let answer = try await fixture.ask(
                "POST", chat, #"{\#(hi),"stream":true,"stream_options":{"include_usage":true}}"#)
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "text/event-stream; charset=utf-8")
            #expect(answer.headers["x-accel-buffering"] == "no")
            #expect(answer.headers["cache-control"] == "no-cache")
            #expect(answer.body.hasSuffix("data: [DONE]\n\n"))
            let chunks = try events(answer.body)
            #expect(chunks.first?["choices"]?.elements?.first?["delta"] == ["role": "assistant", "content": ""])
            let texts = chunks.compactMap { $0["choices"]?.elements?.first?["delta"]?["content"]?.text }
            #expect(texts == ["", "h", "€", "!"])
            let last = try #require(chunks.dropLast().last?["choices"]?.elements?.first)
            #expect(last["delta"] == .object([]))
            #expect(last["finish_reason"] == "length")
            #expect(chunks.last?["choices"] == [])
            #expect(chunks.last?["usage"]?["completion_tokens"] == 5)
            #expect(chunks.dropLast().allSatisfy { $0["usage"] == nil })
            #expect(Set(chunks.map { $0["id"] }).count == 1)
        }
    }

    @Test func usageInEveryChunkOnlyWhenAsked() async throws {
        try await GatewayFixture.run { fixture in
            let answer = try await fixture.ask(
                "POST", "/v1/completions",
                #"{"prompt":"a","stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true}}"#)
            let chunks = try events(answer.body)
            #expect(chunks.allSatisfy { $0["usage"]?["prompt_tokens"] == 2 })
            #expect(chunks.first?["object"] == "text_completion")
        }
    }

    @Test func choicesAndPrompts() async throws {
        let behave: @Sendable (FakeFleet.Seen, Int) -> FakeFleet.Behaviour = { seen, _ in
            .answer(
                [seen.prompt.last.flatMap { $0 < 256 ? $0 : nil } ?? 33, Int32(65 + seen.body.sampling.seed % 2)],
                .length)
        }
        try await GatewayFixture.run(behave: behave) { fixture in
            let (_, value) = try await fixture.json(
                "/v1/completions", #"{"prompt":["x","y"],"n":2,"seed":2,"echo":true,"max_tokens":2}"#)
            #expect(value["choices"]?.elements?.compactMap { $0["text"]?.text } == ["xxA", "xxB", "yyA", "yyB"])
            #expect(value["choices"]?.elements?.compactMap { $0["index"]?.whole } == [0, 1, 2, 3])
            #expect(value["usage"]?["prompt_tokens"] == 4)
            #expect(value["usage"]?["completion_tokens"] == 8)
            let streamed = try await fixture.ask("POST", chat, #"{\#(hi),"n":2,"seed":2,"stream":true,"max_tokens":2}"#)
            var texts = ["", ""]
            for chunk in try events(streamed.body) {
                guard let choice = chunk["choices"]?.elements?.first, let index = choice["index"]?.whole else {
                    continue
                }
                texts[index] += choice["delta"]?["content"]?.text ?? ""
            }
            #expect(texts[0].hasSuffix("A") && texts[1].hasSuffix("B"))
        }
    }

    @Test func aStopStringEndsAndCancels() async throws {
        let tokens = ByteVocabulary.tokens("one. two. STOP three")
        try await GatewayFixture.run(behave: { _, _ in .hang(tokens) }) { fixture in
            let (_, value) = try await fixture.json(chat, #"{\#(hi),"stop":["STOP"]}"#)
            let choice = try #require(value["choices"]?.elements?.first)
            #expect(choice["message"]?["content"] == "one. two. ")
            #expect(choice["finish_reason"] == "stop")
            #expect(choice["stop_reason"] == "STOP")
            let id = try #require(fixture.fleet.seen.first?.id)
            _ = try await eventually { fixture.fleet.cancelled.contains(id) ? true : nil }
        }
    }

    @Test func nothingToGenerate() async throws {
        try await GatewayFixture.run { fixture in
            let body = #"{"prompt":"abc","max_tokens":0,"echo":true"#
            let (status, value) = try await fixture.json("/v1/completions", body + "}")
            #expect(status == 200)
            #expect(value["choices"]?.elements?.first?["text"] == "abc")
            #expect(value["usage"]?["completion_tokens"] == 0)
            let streamed = try await fixture.ask("POST", "/v1/completions", body + #","stream":true}"#)
            #expect(try events(streamed.body).last?["choices"]?.elements?.first?["finish_reason"] == "length")
            #expect(fixture.fleet.seen.isEmpty)
        }
    }

    @Test func aLostRequestGivesTheSameText() async throws {
        let lost = Fault("replica_lost", "a worker is gone", isRetriable: true)
        let text = ByteVocabulary.tokens("the same text")
        let behave: @Sendable (FakeFleet.Seen, Int) -> FakeFleet.Behaviour = { seen, number in
            let rest = Array(text.dropFirst(seen.body.generatedTokens))
            return number == 0 ? .lose(Array(rest.prefix(4)), lost) : .answer(rest, .length)
        }
        try await GatewayFixture.run(behave: behave) { fixture in
            let (status, value) = try await fixture.json(chat, #"{\#(hi)}"#)
            #expect(status == 200)
            #expect(value["choices"]?.elements?.first?["message"]?["content"] == "the same text")
            #expect(value["e2llm"]?["migrations"] == 1)
            let seen = fixture.fleet.seen
            #expect(seen.count == 2)
            #expect(seen[1].prompt == seen[0].prompt + text.prefix(seen[1].body.generatedTokens))
        }
    }

    @Test func aFailedStreamSaysSo() async throws {
        let broken = Fault("broken", "it cannot go on", isRetriable: false)
        try await GatewayFixture.run(behave: { _, _ in .hang([97]) }) { fixture in
            let connection = try await RawConnection.open(port: fixture.port)
            try await connection.send(
                RawConnection.text("POST", chat, body: #"{\#(hi),"stream":true}"#, headers: [:]))
            // Only once the stream has begun: before, the answer would be an error with a status of its own.
            _ = try await connection.read(through: #""content":"a""#)
            try await fixture.fleet.lose(fixture.fleet.seen[0].id, broken)
            let text = await connection.readToEnd()
            let frames = text.components(of: "data: ")
            #expect(frames.last?.hasPrefix("[DONE]") == true)
            #expect(frames.dropLast().last?.contains(#""error":{"message":"it cannot go on""#) == true)
        }
    }

    @Test func aRefusalHasItsStatus() async throws {
        let table: [(String, Bool, Int, String)] = [
            ("overloaded", true, 503, "overloaded_error"), ("unavailable", true, 503, "unavailable_error"),
            ("context_length_exceeded", false, 400, "exceed_context_size_error"),
            ("invalid_request", false, 400, "invalid_request_error"), ("odd", false, 500, "server_error"),
        ]
        for (code, retriable, status, type) in table {
            let error = Fault(code, "no", isRetriable: retriable)
            try await GatewayFixture.run(behave: { _, _ in .refuse(error) }) { fixture in
                for stream in ["true", "false"] {
                    let answer = try await fixture.ask("POST", chat, #"{\#(hi),"stream":\#(stream)}"#)
                    #expect(answer.status == status)
                    #expect(answer.body.contains(#""type":"\#(type)""#))
                    #expect((answer.headers["retry-after"] != nil) == (status == 503))
                    #expect(answer.headers["x-should-retry"] == (status == 503 ? nil : "false"))
                    let limit = try JSONParser.parse(Array(answer.body.utf8))["error"]?["n_ctx"]
                    #expect(limit?.whole == (code == "context_length_exceeded" ? 512 : nil))
                }
            }
        }
    }

    @Test(arguments: [true, false]) func aDisconnectCancels(stream: Bool) async throws {
        try await GatewayFixture.run(behave: { _, _ in .hang([]) }) { fixture in
            let connection = try await RawConnection.open(port: fixture.port)
            try await connection.send(
                RawConnection.text("POST", chat, body: #"{\#(hi),"stream":\#(stream)}"#, headers: [:]))
            let id = try await eventually { fixture.fleet.seen.first?.id }
            await connection.close()
            _ = try await eventually { fixture.fleet.cancelled.contains(id) ? true : nil }
            let heartbeats = fixture.fleet.heartbeats.count
            _ = try await eventually { fixture.fleet.heartbeats.count > heartbeats ? true : nil }
            #expect(fixture.fleet.heartbeats.last?.requests.isEmpty == true)
        }
    }

    @Test func aDisconnectDuringDecodeCancels() async throws {
        try await GatewayFixture.run(behave: { _, _ in .hang(ByteVocabulary.tokens("abc")) }) { fixture in
            let connection = try await RawConnection.open(port: fixture.port)
            try await connection.send(RawConnection.text("POST", chat, body: #"{\#(hi),"stream":true}"#, headers: [:]))
            _ = try await connection.read(through: #""content":"c""#)
            let id = try #require(fixture.fleet.seen.first?.id)
            await connection.close()
            _ = try await eventually { fixture.fleet.cancelled.contains(id) ? true : nil }
        }
    }

    @Test func silenceIsFilledWithComments() async throws {
        try await GatewayFixture.run(
            configure: { $0.keepAlive = .milliseconds(100) }, behave: { _, _ in .hang([97]) }
        ) { fixture in
            let connection = try await RawConnection.open(port: fixture.port)
            try await connection.send(RawConnection.text("POST", chat, body: #"{\#(hi),"stream":true}"#, headers: [:]))
            _ = try await connection.read(through: ": keep-alive\n\n")
            _ = try await connection.read(through: ": keep-alive\n\n")
            await connection.close()
        }
    }

    @Test func aConnectionIsUsedAgain() async throws {
        try await GatewayFixture.run { fixture in
            let connection = try await RawConnection.open(port: fixture.port)
            for stream in [false, true, false] {
                let answer = try await connection.ask("POST", chat, body: #"{\#(hi),"stream":\#(stream)}"#)
                #expect(answer.status == 200)
            }
            #expect(try await connection.ask("GET", "/health").status == 200)
            await connection.close()
        }
    }
}
