import ArgumentParser
import Foundation
import Testing

@testable import CommandLineTool

/// `e2llm bench serve`: what its options ask for, and which are refused.
@Suite struct ServeOptionsTests {
    private static func command(_ arguments: [String]) throws -> ServeBenchCommand {
        try #require(try E2LLMCommand.parseAsRoot(["bench", "serve"] + arguments) as? ServeBenchCommand)
    }

    @Test func optionsOfVLLMAreTakenOver() throws {
        let command = try Self.command([
            "--base-url", "http://127.0.0.1:1/v1/", "--endpoint", "/v1/completions", "--model", "m", "--dataset-name",
            "random", "--random-input-len", "200", "--random-output-len", "64", "--random-range-ratio", "0.5",
            "--random-prefix-len", "3", "--num-prompts", "8", "--request-rate", "2.5", "--burstiness", "0.5",
            "--max-concurrency", "4", "--seed", "7", "--ignore-eos", "--percentile-metrics", "ttft, itl",
            "--metric-percentiles", "50,99.9", "--goodput", "ttft:500", "e2el:9000.5", "--metadata", "a=1", "b=c=d",
        ])
        #expect(try command.server.address().base == "http://127.0.0.1:1")
        let (shape, path) = try command.server.interface()
        #expect(shape == .completions && path == "/v1/completions")
        let random = RandomPrompts(inputTokens: 200, outputTokens: 64, rangeRatio: 0.5, prefixTokens: 3)
        #expect(try command.dataset.source() == .random(random, ServeSampling(temperature: 0, ignoresEnd: true)))
        #expect(command.dataset.numPrompts == 8)
        let traffic = try command.traffic.traffic(seed: command.dataset.seed)
        #expect(traffic == ServeTraffic(requestRate: 2.5, burstiness: 0.5, maxConcurrency: 4, seed: 7))
        let selection = try command.results.selection()
        #expect(selection.metrics == [.ttft, .itl] && selection.percentiles == [50, 99.9])
        #expect(
            selection.goodput == [
                ServeObjective(metric: .ttft, milliseconds: 500), ServeObjective(metric: .e2el, milliseconds: 9000.5),
            ])
        #expect(try command.results.metadata() == ["a": "1", "b": "c=d"])
    }

    @Test func withoutOptionsAllIsSentAtOnce() throws {
        let command = try Self.command(["--host", "::1", "--port", "9"])
        #expect(try command.server.address().base == "http://[::1]:9")
        #expect(try command.traffic.traffic(seed: 0) == ServeTraffic())
        #expect(try Self.command(["--request-rate", "inf"]).traffic.requestRate == .infinity)
        #expect(try command.results.selection() == ServeSelection())
        #expect(try command.results.output() == nil && command.dataset.numPrompts == 1000)
    }

    @Test func endpointsAndBackendsBelongTogether() throws {
        func path(_ arguments: String...) throws -> String { try Self.command(arguments).server.interface().path }
        #expect(try path() == "/v1/completions")
        #expect(try path("--backend", "openai-chat") == "/v1/chat/completions")
        #expect(try path("--endpoint", "/x/chat/completions", "--backend", "openai-chat") == "/x/chat/completions")
        #expect(try Self.command(["--endpoint", "/v1/chat/completions"]).server.interface().shape == .chat)
    }

    @Test(arguments: [
        (["--base-url", "http://x", "--port", "1"], "either --base-url or --host and --port"),
        (["--base-url", "https://x"], "https is not spoken here"),
        (["--port", "70000"], "--port is 70000"),
        (["--endpoint", "/v1/models"], "--endpoint is /v1/models"),
        (["--endpoint", "v1/completions"], "--endpoint is v1/completions"),
        (["--backend", "tgi"], "--backend is tgi"),
        (["--endpoint", "/v1/completions", "--backend", "openai-chat"], "--backend openai-chat"),
        (["--ready-check-timeout-sec", "-1"], "--ready-check-timeout-sec is -1"),
        (["--dataset-name", "sonnet"], "--dataset-name is sonnet"),
        (["--dataset-name", "custom"], "needs --dataset-path"),
        (["--dataset-path", "f"], "belongs to --dataset-name custom"),
        (["--dataset-name", "custom", "--dataset-path", "/none.jsonl"], "/none.jsonl cannot be read"),
        (["--num-prompts", "0"], "--num-prompts is 0"),
        (["--random-input-len", "0"], "--random-input-len is 0"),
        (["--random-output-len", "-1"], "--random-output-len is -1"),
        (["--random-prefix-len", "-1"], "--random-prefix-len is -1"),
        (["--random-range-ratio", "1"], "--random-range-ratio is 1.0"),
        (["--random-range-ratio", "nan"], "--random-range-ratio is nan"),
        (["--temperature", "-1"], "--temperature is -1.0"),
        (["--request-rate", "0"], "--request-rate is 0.0"),
        (["--request-rate", "nan"], "--request-rate is nan"),
        (["--burstiness", "0"], "--burstiness is 0.0"),
        (["--burstiness", "inf"], "--burstiness is inf"),
        (["--max-concurrency", "0"], "--max-concurrency is 0"),
        (["--num-warmups", "-1"], "--num-warmups is -1"),
        (["--percentile-metrics", "ttft,tbt"], "--percentile-metrics: tbt"),
        (["--percentile-metrics", "ttft,"], "--percentile-metrics: an empty name"),
        (["--metric-percentiles", "101"], "--metric-percentiles: 101"),
        (["--metric-percentiles", "a"], "--metric-percentiles: a"),
        (["--goodput", "ttft"], "--goodput: ttft"),
        (["--goodput", "ttft:-1"], "--goodput: ttft:-1"),
        (["--goodput", "x:1"], "--goodput: x"),
        (["--goodput", "ttft:1", "ttft:2"], "twice"),
        (["--metadata", "a"], "--metadata: a"),
        (["--result-filename", "f"], "--save-result"),
    ]) func whatMakesNoSenseIsRefused(_ arguments: [String], _ text: String) throws {
        let command = try Self.command(arguments)
        let failure = #expect(throws: Failure.self) {
            _ = try command.server.address()
            _ = try command.server.interface()
            _ = try command.dataset.source()
            _ = try command.traffic.traffic(seed: 0)
            _ = try command.results.selection()
            _ = try command.results.metadata()
            _ = try command.results.output()
        }
        #expect(failure?.description.contains(text) == true, "\(failure?.description ?? "")")
    }

    @Test(arguments: [["--num-prompts", "x"], ["--seed", "-1"], ["--random"], ["--request-rate"]])
    func unknownOptionsAndWrongTypesAreRefused(_ arguments: [String]) {
        #expect(throws: (any Error).self) { try Self.command(arguments) }
    }

    @Test func customPromptsAreLines() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "prompts-\(UUID().uuidString).jsonl").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data("{\"prompt\": \"a\"}\n\n{\"prompt\": \"b\", \"id\": 3}\n".utf8).write(to: URL(fileURLWithPath: path))
        let arguments = ["--dataset-name", "custom", "--dataset-path", path, "--custom-output-len", "9"]
        #expect(
            try Self.command(arguments + ["--num-prompts", "2"]).dataset.source()
                == .custom(["a", "b"], outputTokens: 9, ServeSampling()))
        #expect { try Self.command(arguments + ["--num-prompts", "3"]).dataset.source() } throws: {
            "\($0)".contains("has 2 prompts, --num-prompts asks for 3")
        }
        #expect { try CustomPrompts.read("{\"prompt\":\"a\"}\n{}", name: "f") } throws: {
            "\($0)".contains("f, line 2: prompt is missing")
        }
    }
}
