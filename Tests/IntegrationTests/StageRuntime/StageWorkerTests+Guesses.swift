import Domain
import Inference
import Protocol
import StageRuntime
import TestSupport
import Testing

extension StageWorkerTests {
    /// Tokens are guessed on one stage and on several, with and without a prefill replica, greedily and by chance: the text is the
    /// one of a model that computes them one by one, and guesses are right where it repeats itself.
    @Test(arguments: [TinyModelArchitecture.llama, .gemma3], KVType.allCases)
    func guessesGiveTheSameTokens(architecture: TinyModelArchitecture, kvType: KVType) async throws {
        let tiny = TinyModel(
            architecture: architecture, format: .q4_1, layers: 8, headDim: 32, contextLength: 1024, seed: 3)
        let devices: [(String, WorkerKind)] = [
            ("a", .decode), ("b", .decode), ("c", .decode), ("p", .prefill), ("d", .decode), ("e", .decode),
        ]
        try await withWorkers(devices, model: tiny) { plane, model in
            var plan = plan(
                model.description,
                [
                    replica("one", .mixed, [("a", 0, 8)]), replica("two", .mixed, [("b", 0, 3), ("c", 3, 8)]),
                    replica("p", .prefill, [("p", 0, 8)]), replica("split", .decode, [("d", 0, 5), ("e", 5, 8)]),
                ])
            plan.kvType = kvType
            try await plane.enforce(plan)
            let whole = try ModelFile(gguf: model.gguf, kvType: kvType)
            let ways = [
                plane.route(plan, prefill: nil, decode: "one"), plane.route(plan, prefill: nil, decode: "two"),
                plane.route(plan, prefill: "p", decode: "split"),
            ]
            let samplings = [
                SamplingParameters(temperature: 0), SamplingParameters(temperature: 0.8, seed: 7),
                SamplingParameters(temperature: 0.5, repetitionPenalty: 1.1, seed: 8),
            ]
            var expected: [RequestID: [Int32]] = [:]
            for (number, sampling) in samplings.enumerated() {
                for length in [1, 33, 120] {
                    // A text that repeats itself.
                    let base = prompt(length, seed: number)
                    let text = base + base
                    let stop = StopConditions(maxTokens: 60)
                    let tokens = try reference(whole, text, sampling, stop).tokens
                    for (way, route) in ways.enumerated() {
                        let request = RequestID("r\(number)-\(length)-\(way)")
                        expected[request] = tokens
                        try await plane.start(
                            request, text, route: route, sampling: sampling, stop: stop,
                            capacity: length == 33 ? 1000 : nil, reuses: way == 1, guesses: true)
                    }
                }
            }
            #expect(await plane.wait { state in expected.keys.allSatisfy { state.outputs[$0]?.finish != nil } })
            var (guessed, accepted) = (0, 0)
            for (request, tokens) in expected {
                let output = plane.output(request)
                #expect(output.text == tokens, "\(request)")
                #expect(!output.events.contains { $0.hasFailed }, "\(request)")
                guessed += output.guessed
                accepted += output.accepted
            }
            #expect(guessed > 0 && accepted > 0 && accepted <= guessed, "\(accepted) of \(guessed)")
            #expect(await plane.wait { $0.heartbeats.values.allSatisfy { $0.load.kvUsedTokens == 0 } })
        }
    }
}
