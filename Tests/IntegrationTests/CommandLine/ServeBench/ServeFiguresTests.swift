import Foundation
import Testing

@testable import CommandLineTool

/// Answers and figures of `e2llm bench serve`.
@Suite struct ServeFiguresTests {
    // MARK: - Answers

    private static func outcome(_ events: [(Double, HTTPClient.Event)]) -> ServeOutcome {
        var answer = ServeAnswer(ServeRequest(body: Data(), inputTokens: 9, outputTokens: 3))
        for (seconds, event) in events { answer.take(event, at: seconds) }
        return answer.outcome(sent: 5)
    }

    private static func text(_ text: String, _ finish: String = "null") -> HTTPClient.Event {
        .line(#"data: {"choices":[{"index":0,"text":"\#(text)","finish_reason":\#(finish)}],"usage":null}"#)
    }

    private static let usage = HTTPClient.Event.line(
        #"data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3},"e2llm":{"ttft_ms":1}}"#)
    private static let done = HTTPClient.Event.line("data: [DONE]")

    @Test func completionsAreTimed() {
        let outcome = Self.outcome([
            (0.1, .status(200)), (0.2, .line(": keep-alive")), (0.5, Self.text("")), (0.5, .line("")),
            (0.75, Self.text("a")), (1.25, Self.text("b")), (1.5, Self.text("", #""length""#)), (1.6, Self.usage),
            (1.7, Self.done),
        ])
        #expect(outcome.problem == nil && outcome.sent == 5 && outcome.firstToken == 0.5)
        #expect(outcome.gaps == [0.25, 0.5] && outcome.latency == 1.5 && outcome.isCounted)
        #expect(outcome.inputTokens == 7 && outcome.outputTokens == 3 && outcome.perToken == 0.5)
    }

    @Test func theEndMayComeWithTheLastToken() {
        let outcome = Self.outcome([(0, .status(200)), (1, Self.text("a")), (2, Self.text("b", #""stop""#))])
        #expect(outcome.gaps == [1] && outcome.latency == 2 && outcome.problem == nil)
        #expect(!outcome.isCounted && outcome.outputTokens == 2 && outcome.inputTokens == 9)
    }

    @Test func chatsAreTimedFromTheirFirstContent() {
        func delta(_ json: String, _ finish: String = "null") -> HTTPClient.Event {
            .line(#"data:{"choices":[{"delta":\#(json),"finish_reason":\#(finish)}]}"#)
        }
        let outcome = Self.outcome([
            (0, .status(200)), (1, delta(#"{"role":"assistant","content":""}"#)),
            (2, delta(#"{"reasoning_content":"h"}"#)), (3, delta(#"{"content":"i"}"#)), (4, delta("{}", #""stop""#)),
            (4, Self.done),
        ])
        #expect(outcome.firstToken == 2 && outcome.gaps == [1] && outcome.latency == 4 && outcome.problem == nil)
        let whole = Self.outcome([(0, .status(200)), (1, delta(#"{"role":"assistant","content":"x"}"#, #""stop""#))])
        #expect(whole.firstToken == 1 && whole.problem == nil)
    }

    @Test func failuresSayWhatHappened() {
        let error = #"{"error":{"message":"the fleet is busy"}}"#
        func problem(_ events: HTTPClient.Event...) -> String? { Self.outcome(events.map { (1, $0) }).problem }
        #expect(problem(.status(503), .line(error)) == "the server answered 503: the fleet is busy")
        #expect(problem(.status(404), .line("<html>")) == "the server answered 404")
        #expect(problem(.failed("nobody listens")) == "nobody listens")
        #expect(problem() == "the server did not answer")
        #expect(problem(.status(200), Self.text("a"), .line("data: " + error), Self.done) == "the fleet is busy")
        #expect(problem(.status(200), Self.text("a"), .failed("cut off")) == "cut off")
        #expect(problem(.status(200), Self.text("a")) == "the answer broke off")
        #expect(problem(.status(200), .line(#"{"choices":[{"text":"a"}]}"#))?.contains("no token") == true)
        #expect(problem(.status(200), .line("data: {"))?.contains("an event cannot be read") == true)
    }

    // MARK: - Statistics

    @Test func statisticsAreThoseOfNumPy() {
        let values = ServeStatistics([4, 1, 3, 10])
        #expect(values.mean == 4.5 && values.median == 3.5 && values.deviation == 11.25.squareRoot())
        #expect(values.percentile(0) == 1 && values.percentile(100) == 10 && values.percentile(25) == 2.5)
        #expect((values.percentile(99) - 9.82).magnitude < 1e-9)
        #expect(ServeStatistics([7]).percentile(99) == 7 && ServeStatistics([7]).deviation == 0)
        let none = ServeStatistics([])
        #expect(none.mean == 0 && none.median == 0 && none.deviation == 0)
    }

    // MARK: - Figures

    private static let run = ServeRun.Result(
        duration: 4,
        outcomes: [
            ServeOutcome(
                sent: 0, inputTokens: 10, outputTokens: 3, firstToken: 0.5, gaps: [0.25, 0.75], latency: 1.5,
                isCounted: true, wantedTokens: 3),
            ServeOutcome(
                sent: 1, inputTokens: 20, outputTokens: 1, firstToken: 1, gaps: [], latency: 1, isCounted: true,
                wantedTokens: 2),
            ServeOutcome(sent: 1.5, inputTokens: 30, problem: "503: busy", wantedTokens: 3),
            ServeOutcome(
                sent: 2, inputTokens: 30, outputTokens: 2, firstToken: 1.5, gaps: [0.5], latency: 2, isCounted: true,
                wantedTokens: 2),
        ])

    @Test func figuresAreThoseOfVLLM() throws {
        let figures = ServeFigures(Self.run)
        #expect(figures.completed == 3 && figures.failed == 1 && figures.duration == 4)
        #expect(figures.inputTokens == 60 && figures.outputTokens == 6)
        #expect(figures.requestsPerSecond == 0.75 && figures.outputPerSecond == 1.5 && figures.tokensPerSecond == 16.5)
        #expect(figures.goodput == nil && figures.mostRequests == 2)
        // 0.5 and 0.75; 1.5; 2 of the second request; 3.5 and 4 of the last one.
        #expect(figures.mostTokensPerSecond == 2)
        #expect(figures.statistics[.ttft]?.mean == 1000 && figures.statistics[.tpot]?.median == 500)
        #expect(figures.statistics[.itl]?.mean == 500 && figures.statistics[.e2el]?.mean == 1500)
    }

    @Test func goodRequestsKeepEveryLimit() {
        func goodput(_ limits: [(ServeMetric, Double)]) -> Double? {
            ServeFigures(Self.run, goodput: limits.map { ServeObjective(metric: $0, milliseconds: $1) }).goodput
        }
        #expect(goodput([(.ttft, 1000)]) == 0.5)
        // One token has no time a token, so that it keeps any limit of it.
        #expect(goodput([(.ttft, 1000), (.tpot, 100)]) == 0.25)
        #expect(goodput([(.e2el, 1)]) == 0)
    }

    @Test func runsWithoutAnswersHaveFigures() {
        let figures = ServeFigures(ServeRun.Result(duration: 0, outcomes: []))
        #expect(figures.completed == 0 && figures.outputPerSecond == 0 && figures.mostRequests == 0)
    }

    @Test func notesTellWhatDoesNotFit() {
        #expect(
            ServeNotes.of(Self.run, ignoresEnd: true) == [
                "1 of 4 requests failed: 503: busy", "1 requests got another number of tokens than they asked for",
            ])
        #expect(ServeNotes.of(Self.run, ignoresEnd: false).count == 1)
        let uncounted = ServeRun.Result(duration: 1, outcomes: [ServeOutcome()])
        #expect(ServeNotes.of(uncounted, ignoresEnd: false).first?.contains("does not count tokens") == true)
    }

    // MARK: - Files

    private static func result(_ selection: ServeSelection, traffic: ServeTraffic = ServeTraffic()) -> ServeResult {
        ServeResult(
            date: Date(timeIntervalSince1970: 0), interface: .completions, model: "org/m", label: nil,
            metadata: ["place": "here", "duration": "no"], traffic: traffic, requests: 4,
            figures: ServeFigures(run, goodput: selection.goodput), selection: selection, run: run, isWarm: false)
    }

    private static func json(_ result: ServeResult) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: JSONEncoder().encode(result)) as? [String: Any])
    }

    @Test func filesHaveTheKeysOfVLLM() throws {
        let object = try Self.json(Self.result(ServeSelection()))
        var expected: Set<String> = [
            "date", "endpoint_type", "backend", "label", "model_id", "tokenizer_id", "num_prompts", "request_rate",
            "burstiness", "max_concurrency", "duration", "completed", "failed", "total_input_tokens",
            "total_output_tokens", "request_throughput", "request_goodput", "output_throughput",
            "total_token_throughput", "max_output_tokens_per_s", "max_concurrent_requests", "place", "warm",
        ]
        for measure in ["ttft", "tpot", "itl", "e2el"] {
            for figure in ["mean", "median", "std", "p99"] { expected.insert("\(figure)_\(measure)_ms") }
        }
        #expect(Set(object.keys) == expected)
        #expect(object["request_rate"] as? String == "inf" && object["max_concurrency"] is NSNull)
        #expect(object["duration"] as? Double == 4 && object["completed"] as? Int == 3)
        #expect(object["mean_ttft_ms"] as? Double == 1000 && object["endpoint_type"] as? String == "openai")
        #expect((object["date"] as? String)?.count == 15)
    }

    @Test func detailsAndPercentilesAreChosen() throws {
        let selection = ServeSelection(
            metrics: [.ttft], percentiles: [50, 99.9], goodput: [ServeObjective(metric: .ttft, milliseconds: 1000)],
            isDetailed: true)
        let traffic = ServeTraffic(requestRate: 2, maxConcurrency: 8)
        let object = try Self.json(Self.result(selection, traffic: traffic))
        #expect(object["p50_ttft_ms"] as? Double == 1000 && object["p99.9_ttft_ms"] != nil)
        #expect(object["p99_ttft_ms"] == nil && object["mean_itl_ms"] == nil)
        #expect(object["request_rate"] as? Double == 2 && object["max_concurrency"] as? Int == 8)
        #expect(object["request_goodput"] as? Double == 0.5)
        #expect(object["input_lens"] as? [Int] == [10, 20, 30, 30] && object["output_lens"] as? [Int] == [3, 1, 0, 2])
        #expect(object["ttfts"] as? [Double] == [0.5, 1, 0, 1.5])
        #expect(object["itls"] as? [[Double]] == [[0.25, 0.75], [], [], [0.5]])
        #expect(object["errors"] as? [String] == ["", "", "503: busy", ""])
    }

    @Test func tablesAndNamesAreThoseOfVLLM() {
        let result = Self.result(ServeSelection(), traffic: ServeTraffic(requestRate: 2, maxConcurrency: 8))
        #expect(result.text.hasPrefix("============ Serving Benchmark Result ============\n"))
        #expect(result.text.contains("Output token throughput (tok/s):         1.50"))
        #expect(result.text.contains("Mean TTFT (ms):") && result.text.contains("P99 E2EL (ms):"))
        #expect(result.defaultName.hasPrefix("openai-2qps-concurrency8-m-") && result.defaultName.hasSuffix(".json"))
        #expect(Self.result(ServeSelection()).defaultName.hasPrefix("openai-infqps-m-"))
    }
}
