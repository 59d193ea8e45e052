import ArgumentParser
import Domain
import Protocol
import Testing

@testable import CommandLineTool

/// `e2llm bench serve` through HTTP, against a gateway.
@Suite struct ServeRunTests {
    private static func target(_ port: Int, _ more: [String] = []) async throws -> ServeTarget {
        let arguments = ["bench", "serve", "--base-url", "http://127.0.0.1:\(port)"] + more
        let command = try #require(try E2LLMCommand.parseAsRoot(arguments) as? ServeBenchCommand)
        return try await command.server.target()
    }

    @Test func requestsGoThroughAGateway() async throws {
        try await GatewayFixture.run(behave: { seen, _ in
            .answer([Int32](repeating: 65, count: seen.body.stop.maxTokens), .length)
        }) { fixture in
            var target = try await Self.target(fixture.port)
            #expect(target.model == "byte-model" && target.vocabulary == 258 && target.context == 512)
            let requests = try ServeRequests(
                .random(RandomPrompts(inputTokens: 12, outputTokens: 5), ServeSampling(ignoresEnd: true)), count: 4,
                warmUps: 0, target: target, seed: 1)
            let run = ServeRun(target: target, maxConcurrency: 2)
            try await run.check(requests.check, patience: 0)
            let result = try await run.run(requests.measured, at: [0, 0, 0.01, 0.02])
            #expect(result.outcomes.map(\.problem) == [nil, nil, nil, nil])
            #expect(result.outcomes.map(\.inputTokens) == [12, 12, 12, 12])
            #expect(result.outcomes.map(\.outputTokens) == [5, 5, 5, 5])
            let figures = ServeFigures(result)
            #expect(figures.completed == 4 && figures.mostRequests <= 2 && figures.outputPerSecond > 0)
            #expect(fixture.fleet.seen.allSatisfy { $0.body.stop.stopTokens.isEmpty })

            target.model = "other"
            let refused = try ServeRequests(
                .random(RandomPrompts(inputTokens: 6, outputTokens: 5), ServeSampling()), count: 1, warmUps: 0,
                target: target, seed: 1)
            let unknown = ServeRun(target: target)
            await #expect { try await unknown.check(refused.check, patience: 0) } throws: {
                "\($0)".contains("does not serve a first request: the server answered 404: the model other")
            }
        }
    }

    @Test func chatsGoThroughAGateway() async throws {
        try await GatewayFixture.run { fixture in
            let target = try await Self.target(fixture.port, ["--backend", "openai-chat"])
            let requests = try ServeRequests(
                .random(RandomPrompts(inputTokens: 5, outputTokens: 16), ServeSampling()), count: 2, warmUps: 0,
                target: target, seed: 1)
            let result = try await ServeRun(target: target).run(requests.measured)
            #expect(result.outcomes.map(\.problem) == [nil, nil])
            #expect(result.outcomes.allSatisfy { $0.outputTokens > 1 && $0.inputTokens > 5 && $0.latency > 0 })
        }
    }

    @Test func whereNobodyListensItSaysSo() async {
        await #expect { try await Self.target(1) } throws: { "\($0)".contains("nobody listens at 127.0.0.1:1") }
    }
}
