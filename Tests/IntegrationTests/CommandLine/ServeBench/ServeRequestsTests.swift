import Foundation
import Testing

@testable import CommandLineTool

/// Prompts, arrivals and requests of `e2llm bench serve`.
@Suite struct ServeRequestsTests {
    private static let target = ServeTarget(
        url: "http://x/v1/completions", headers: [:], interface: .completions, model: "m", vocabulary: 1000,
        context: 300)

    private static func tokens(_ prompt: ServePrompt) throws -> [Int32] {
        guard case .tokens(let tokens) = prompt.content else { throw Failure(.failed, "text") }
        return tokens
    }

    // MARK: - Prompts

    @Test func randomPromptsHaveNoCommonBeginning() throws {
        let random = RandomPrompts(inputTokens: 20, outputTokens: 5)
        let prompts = random.make(count: 1000, vocabulary: 1000, seed: 1)
        let tokens = try prompts.map(Self.tokens)
        #expect(Set(tokens.map(\.first)).count == 1000)
        #expect(tokens.allSatisfy { $0.count == 20 && $0.allSatisfy { (0..<1000).contains($0) } })
        #expect(prompts.allSatisfy { $0.inputTokens == 20 && $0.outputTokens == 5 })
        #expect(random.make(count: 10, vocabulary: 1000, seed: 1) == Array(prompts.prefix(10)))
        #expect(random.make(count: 10, vocabulary: 1000, seed: 2) != Array(prompts.prefix(10)))
    }

    @Test func lengthsVaryWithinTheirRange() {
        let prompts = RandomPrompts(inputTokens: 10, outputTokens: 4, rangeRatio: 0.5).make(
            count: 500, vocabulary: 9, seed: 3)
        #expect(Set(prompts.map(\.inputTokens)) == Set(5...15))
        #expect(Set(prompts.map(\.outputTokens)) == Set(2...6))
        let least = RandomPrompts(inputTokens: 1, outputTokens: 1, rangeRatio: 0.9).make(
            count: 100, vocabulary: 9, seed: 3)
        #expect(least.allSatisfy { $0.inputTokens >= 1 && $0.outputTokens >= 1 })
    }

    @Test func prefixesAreShared() throws {
        let prompts = RandomPrompts(inputTokens: 4, outputTokens: 1, prefixTokens: 6).make(
            count: 3, vocabulary: 1000, seed: 1)
        let tokens = try prompts.map(Self.tokens)
        #expect(tokens.allSatisfy { $0.count == 10 } && prompts[0].inputTokens == 10)
        #expect(Set(tokens.map { Array($0.prefix(6)) }).count == 1 && Set(tokens.map { $0[6] }).count == 3)
    }

    @Test func withoutAVocabularyPromptsAreText() {
        let prompts = RandomPrompts(inputTokens: 7, outputTokens: 1).make(count: 200, vocabulary: nil, seed: 1)
        var beginnings: Set<[Substring]> = []
        for prompt in prompts {
            guard case .text(let text) = prompt.content else {
                Issue.record("\(prompt)")
                return
            }
            let words = text.split(separator: " ")
            #expect(words.count == 7)
            beginnings.insert(Array(words.prefix(3)))
        }
        #expect(beginnings.count == 200)
    }

    // MARK: - Arrivals

    @Test func anInfiniteRateSendsAllAtOnce() {
        #expect(ServeTraffic().moments(count: 3) == [0, 0, 0])
    }

    @Test(arguments: [0.3, 1, 4.5]) func arrivalsKeepTheRate(_ burstiness: Double) {
        let traffic = ServeTraffic(requestRate: 4, burstiness: burstiness, seed: 5)
        let moments = traffic.moments(count: 4000)
        #expect(moments == moments.sorted() && (moments[3999] - 1000).magnitude < 1e-6)
        // The squared coefficient of variation of a gamma distribution is one over its shape.
        let gaps = ServeStatistics(zip(moments, [0] + moments).map { $0 - $1 })
        let variation = gaps.deviation / gaps.mean
        #expect((variation * variation * burstiness - 1).magnitude < 0.2)
        #expect(traffic.moments(count: 4000) == moments)
        #expect(ServeTraffic(requestRate: 4, burstiness: burstiness, seed: 6).moments(count: 4000) != moments)
    }

    // MARK: - Requests

    private static func json(_ request: ServeRequest) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: request.body) as? [String: Any])
    }

    @Test func completionsAreSentAsTokens() throws {
        let random = RandomPrompts(inputTokens: 6, outputTokens: 3)
        let requests = try ServeRequests(
            .random(random, ServeSampling(ignoresEnd: true)), count: 2, warmUps: 3, target: Self.target, seed: 1)
        #expect(requests.measured.count == 2 && requests.warmUps.count == 3)
        let body = try Self.json(requests.measured[0])
        #expect((body["prompt"] as? [Int])?.count == 6 && body["max_tokens"] as? Int == 3)
        #expect(body["model"] as? String == "m" && body["ignore_eos"] as? Bool == true)
        #expect(body["stream"] as? Bool == true && body["temperature"] as? Double == 0)
        #expect((body["stream_options"] as? [String: Bool]) == ["include_usage": true])
        #expect(try Self.json(requests.check)["max_tokens"] as? Int == 1)
        let prompts = try ([requests.check] + requests.measured + requests.warmUps).map {
            try #require(try Self.json($0)["prompt"] as? [Int])[0]
        }
        #expect(Set(prompts).count == 6)
        let fewer = try ServeRequests(
            .random(random, ServeSampling(ignoresEnd: true)), count: 2, warmUps: 0, target: Self.target, seed: 1)
        #expect(fewer.measured == requests.measured)
    }

    @Test func chatsAreSentAsText() throws {
        var target = Self.target
        target.interface = .chat
        let requests = try ServeRequests(
            .random(RandomPrompts(inputTokens: 5, outputTokens: 3), ServeSampling()), count: 1, warmUps: 0,
            target: target, seed: 1)
        let body = try Self.json(requests.measured[0])
        let message = try #require((body["messages"] as? [[String: String]])?.first)
        #expect(message["role"] == "user" && message["content"]?.split(separator: " ").count == 5)
        #expect(body["max_completion_tokens"] as? Int == 3 && body["max_tokens"] == nil && body["prompt"] == nil)
        #expect(body["ignore_eos"] == nil)
    }

    @Test func customPromptsAreSentAsTheyAre() throws {
        let requests = try ServeRequests(
            .custom(["one", "two"], outputTokens: 4, ServeSampling()), count: 2, warmUps: 1, target: Self.target,
            seed: 1)
        #expect(try requests.measured.map { try Self.json($0)["prompt"] as? String } == ["one", "two"])
        #expect(try Self.json(requests.warmUps[0])["prompt"] as? String != "one")
    }

    @Test func whatTheModelCannotHoldIsNamed() {
        let source = ServeSource.random(RandomPrompts(inputTokens: 298, outputTokens: 3), ServeSampling())
        #expect { try ServeRequests(source, count: 1, warmUps: 0, target: Self.target, seed: 1) } throws: {
            "\($0)".contains("request 1 has 298 + 3 tokens, m holds 300")
        }
    }

    // MARK: - Models

    private static func card(_ body: String, status: Int = 200, name: String? = nil) throws -> ServeModelCard {
        try ServeModelCard.choose(name, from: HTTPClient.Response(status: status, body: body))
    }

    @Test func modelsOfSeveralServersAreRead() throws {
        let ours = #"{"data":[{"id":"a","max_model_len":512,"meta":{"n_vocab":258}},{"id":"b","meta":null}]}"#
        #expect(try Self.card(ours) == ServeModelCard(id: "a", context: 512, vocabulary: 258))
        #expect(try Self.card(ours, name: "b") == ServeModelCard(id: "b"))
        #expect(try Self.card(ours, name: "c") == ServeModelCard(id: "c"))
        let llama = #"{"models":[],"data":[{"id":"/m.gguf","meta":{"n_vocab":49152,"n_ctx_train":8192}}]}"#
        #expect(try Self.card(llama) == ServeModelCard(id: "/m.gguf", vocabulary: 49152))
        #expect(try Self.card(llama, name: "alias") == ServeModelCard(id: "alias", vocabulary: 49152))
        #expect(try Self.card(#"{"data":[{"id":"o","meta":"x"}]}"#) == ServeModelCard(id: "o"))
        #expect(try Self.card("<html>", status: 404, name: "m") == ServeModelCard(id: "m"))
        #expect { try Self.card("", status: 404) } throws: {
            "\($0)".contains("404; give the model's name with --model")
        }
        #expect { try Self.card(#"{"error":{"message":"wrong key"}}"#, status: 401, name: "m") } throws: {
            "\($0)".contains("401: wrong key")
        }
        #expect { try Self.card("{}") } throws: { "\($0)".contains("/v1/models: data is missing") }
        #expect { try Self.card(#"{"data":[]}"#) } throws: { "\($0)".contains("serves no model") }
        let failure = #expect(throws: Failure.self) { try Self.card("", status: 503) }
        #expect(failure?.kind == .notReady)
    }
}
