import Domain
import Protocol
import Testing

@testable import Gateway

/// Log probabilities, as clients see them.
@Suite(.serialized) struct LogprobsTests {
    private let chat = "/v1/chat/completions"
    private let completions = "/v1/completions"
    private let hi = #""messages":[{"role":"user","content":"hi"}]"#
    private let behave: @Sendable (FakeFleet.Seen, Int) -> FakeFleet.Behaviour = { seen, _ in
        .answer(
            Array(ByteVocabulary.tokens("h€") + [ByteVocabulary.end]).dropFirst(seen.body.generatedTokens).map { $0 },
            .stop)
    }

    private func logprob(_ token: Int) -> JSONValue { .number(Double(-Float(token) / 512)) }

    @Test func chats() async throws {
        try await GatewayFixture.run(behave: behave) { fixture in
            let (status, value) = try await fixture.json(chat, #"{\#(hi),"logprobs":true,"top_logprobs":1}"#)
            #expect(status == 200)
            #expect(fixture.fleet.seen.first?.body.sampling.topScores == 1)
            let choice = try #require(value["choices"]?.elements?.first)
            #expect(choice["message"]?["content"] == "h€")
            let content = try #require(choice["logprobs"]?["content"]?.elements)
            // One entry a token; what ended the answer is not in it.
            #expect(content.map { $0["bytes"] } == [[104], [226], [130], [172]])
            #expect(content[0]["token"] == "h" && content[0]["logprob"] == logprob(104))
            let top = try #require(content[0]["top_logprobs"]?.elements)
            #expect(top.count == 1 && top[0]["token"] == "a" && top[0]["logprob"] == logprob(97))
            #expect(top[0]["bytes"] == [97])
            let (_, without) = try await fixture.json(chat, #"{\#(hi),"logprobs":true}"#)
            let plain = without["choices"]?.elements?.first?["logprobs"]?["content"]?.elements
            #expect(plain?.count == 4 && plain?.allSatisfy { $0["top_logprobs"] == [] } == true)
            let (_, none) = try await fixture.json(chat, "{\(hi)}")
            #expect(none["choices"]?.elements?.first?["logprobs"] == .null)
        }
    }

    @Test func streamedChats() async throws {
        try await GatewayFixture.run(behave: behave) { fixture in
            let answer = try await fixture.ask("POST", chat, #"{\#(hi),"logprobs":true,"stream":true}"#)
            var (text, tokens) = ("", [JSONValue]())
            for chunk in try events(answer.body) {
                guard let choice = chunk["choices"]?.elements?.first else { continue }
                text += choice["delta"]?["content"]?.text ?? ""
                tokens += choice["logprobs"]?["content"]?.elements ?? []
            }
            #expect(text == "h€")
            #expect(tokens.map { $0["bytes"] } == [[104], [226], [130], [172]])
        }
    }

    @Test func completionsWithTheirPrompt() async throws {
        try await GatewayFixture.run(behave: behave) { fixture in
            let body = #""prompt":[65,66,104,67,68,97],"echo":true,"logprobs":1,"max_tokens":4"#
            let (status, value) = try await fixture.json(completions, "{\(body)}")
            #expect(status == 200)
            let choice = try #require(value["choices"]?.elements?.first)
            #expect(choice["text"] == "ABhCDah€")
            let told = try #require(choice["logprobs"])
            #expect(
                told["tokens"]
                    == ["A", "B", "h", "C", "D", "a", "h", #"bytes:\xe2"#, #"bytes:\x82"#, #"bytes:\xac"#])
            let values = [66, 104, 67, 68, 97, 104, 226, 130, 172].map(logprob)
            #expect(told["token_logprobs"] == .array([.null] + values))
            #expect(told["text_offset"] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 8])
            let top = try #require(told["top_logprobs"]?.elements)
            #expect(top.count == 10 && top[0] == .null)
            // The most likely one and the token itself, which may be the same.
            #expect(top[1] == ["a": logprob(97), "B": logprob(66)])
            #expect(top[5] == ["a": logprob(97)])

            let streamed = try await fixture.ask("POST", completions, #"{\#(body),"stream":true}"#)
            var (text, joined) = ("", JSONValue.object([]))
            for chunk in try events(streamed.body) {
                guard let choice = chunk["choices"]?.elements?.first else { continue }
                text += choice["text"]?.text ?? ""
                guard let more = choice["logprobs"], !more.isNull else { continue }
                joined = joined == .object([]) ? more : joined.joining(more)
            }
            #expect(text == "ABhCDah€" && joined == told)
        }
    }

    /// As lm-eval asks: only the prompt matters, and the token that had to be made for it is not shown.
    @Test(arguments: [0, 1]) func promptsAlone(limit: Int) async throws {
        try await GatewayFixture.run(behave: { _, _ in .answer([104], .length) }) { fixture in
            let (status, value) = try await fixture.json(
                completions,
                #"{"prompt":[[65,66],[67]],"echo":true,"logprobs":1,"max_tokens":\#(limit),"temperature":0}"#)
            #expect(status == 200)
            let choices = try #require(value["choices"]?.elements)
            #expect(choices.map { $0["text"]?.text } == (limit == 0 ? ["AB", "C"] : ["ABh", "Ch"]))
            let values = choices.map { $0["logprobs"]?["token_logprobs"]?.elements?.count }
            #expect(values == (limit == 0 ? [2, 1] : [3, 2]))
            #expect(value["usage"]?["completion_tokens"] == .integer(2 * limit))
            #expect(fixture.fleet.seen.allSatisfy { $0.body.stop.maxTokens == 1 })
        }
    }

    /// A sequence that goes on elsewhere is told nothing twice, and its prompt is not asked for again.
    @Test func theySurviveAMigration() async throws {
        let lost = Fault("replica_lost", "a worker is gone", isRetriable: true)
        let text = ByteVocabulary.tokens("abcdef")
        let behave: @Sendable (FakeFleet.Seen, Int) -> FakeFleet.Behaviour = { seen, number in
            let rest = Array(text.dropFirst(seen.body.generatedTokens))
            return number == 0 ? .lose(Array(rest.prefix(3)), lost) : .answer(rest, .length)
        }
        try await GatewayFixture.run(behave: behave) { fixture in
            let (_, value) = try await fixture.json(
                completions, #"{"prompt":"xy","echo":true,"logprobs":2,"max_tokens":6}"#)
            let told = value["choices"]?.elements?.first?["logprobs"]
            #expect(told?["tokens"]?.elements?.count == 3 + 6)
            #expect(
                told?["token_logprobs"]?.elements?.suffix(6).map { $0 } == (97...102).map { logprob($0) })
            let seen = fixture.fleet.seen
            #expect(seen.count == 2 && seen[0].body.sampling.promptScores == 2)
            #expect(seen[1].body.generatedTokens == 0 || seen[1].body.sampling.promptScores == nil)
        }
    }

    private func stream(_ demand: SequenceDemand) -> SequenceStream { SequenceStream(demand, text: ByteText()) }

    private func demand(_ sampling: SamplingParameters, stops: [String] = []) -> SequenceDemand {
        SequenceDemand(
            prompt: [65, 66, 67], sampling: sampling, stop: StopConditions(maxTokens: 9), stopStrings: stops)
    }

    private func scores(_ tokens: Int32...) -> [TokenLikelihood] { tokens.map { FakeFleet.likelihood($0, top: 0) } }

    @Test func tokensWithoutTheirScoresHaveNotCome() {
        var stream = stream(demand(SamplingParameters(topScores: 0)))
        #expect(stream.receive([97, 98], at: 0, finishReason: nil) == [.gap(expected: 0, received: 0)])
        #expect(
            stream.receive([97, 98], at: 0, finishReason: nil, scores: scores(97)) == [.gap(expected: 0, received: 0)])
        let outcomes = stream.receive([97, 98], at: 0, finishReason: nil, scores: scores(97, 98))
        #expect(
            outcomes == [
                .text(
                    "ab", tokens: 2,
                    scored: [97, 98].map { ScoredToken(token: $0, likelihood: FakeFleet.likelihood($0, top: 0)) })
            ])
        // What is here already is dropped with its scores.
        let more = stream.receive([98, 99], at: 1, finishReason: nil, scores: scores(98, 99))
        #expect(
            more == [
                .text("c", tokens: 1, scored: [ScoredToken(token: 99, likelihood: FakeFleet.likelihood(99, top: 0))])
            ])
    }

    @Test func aPromptWithoutAllScoresHasNotCome() {
        var stream = stream(demand(SamplingParameters(topScores: 0, promptScores: 0)))
        stream.receivePrompt(scores(66), at: 1)
        #expect(
            stream.receive([97], at: 0, finishReason: nil, scores: scores(97)) == [.gap(expected: 0, received: 0)])
        // Beyond the prompt, or at its first token, there is nothing to be told.
        stream.receivePrompt(scores(67, 68), at: 2)
        stream.receivePrompt(scores(65), at: 0)
        #expect(
            stream.receive([97], at: 0, finishReason: nil, scores: scores(97)) == [.gap(expected: 0, received: 0)])
        stream.receivePrompt(scores(67), at: 2)
        let outcomes = stream.receive([97], at: 0, finishReason: nil, scores: scores(97))
        #expect(
            outcomes.first
                == .prompt([
                    ScoredToken(token: 65, likelihood: nil),
                    ScoredToken(token: 66, likelihood: FakeFleet.likelihood(66, top: 0)),
                    ScoredToken(token: 67, likelihood: FakeFleet.likelihood(67, top: 0)),
                ]))
        #expect(outcomes.count == 2)
    }

    @Test func whatJSONCannotSayAndTokensThatThereAreNot() {
        let shape = LogprobsShape(ByteVocabulary(), top: 3)
        let likelihood = TokenLikelihood(
            logProbability: -.infinity,
            top: [RankedToken(token: 97, logProbability: .nan), RankedToken(token: 5000, logProbability: 0)])
        let value = shape.chat([ScoredToken(token: 98, likelihood: likelihood)])
        let entry = value["content"]?.elements?.first
        #expect(entry?["logprob"] == .number(-9999) && entry?["top_logprobs"]?.elements?.count == 1)
        #expect(entry?["top_logprobs"]?.elements?.first?["logprob"] == .number(-9999))
    }

    @Test func offsetsCountCharactersOfTheText() {
        var offset = TextOffset(prompt: "hé b")
        // The first one is a control token, which is not in the text; the second one has a space that is not, either.
        let tokens: [[UInt8]] = [Array("<s>".utf8), Array(" h".utf8), [0xc3], [0xa9], Array(" b".utf8)]
        #expect(tokens.map { offset.pass($0) } == [0, 0, 1, 2, 2])
        offset.endPrompt()
        #expect(offset.pass(Array("cd".utf8)) == 4 && offset.pass(Array("e".utf8)) == 6)
    }
}
