import Domain
import Inference
import Protocol
import StageRuntime
import Synchronization
import TestSupport
import Testing

extension StageWorkerTests {
    /// How likely every token of a sequence is but the first, computed at once by one stage.
    private func likelihoods(_ model: ModelFile, _ tokens: [Int32], top: Int) throws -> [TokenLikelihood] {
        let executor = try StageExecutor(
            model: model, layers: LayerRange(0, model.configuration.layers), threads: 1, kvBudgetBytes: 64 << 20,
            maxRows: tokens.count)
        try executor.open("whole", reservedTokens: tokens.count)
        let entry = StageEntry(sequence: "whole", startPosition: 0, rows: tokens.count, logitRows: tokens.count)
        _ = try executor.step(StageBatch(entries: [entry], input: .tokens(tokens)))
        var sampler = Sampler()
        return try tokens.indices.dropLast().map { row in
            try executor.withLogits(row) { sampler.score(tokens[row + 1], top: top, logits: $0) }
        }
    }

    /// Log probabilities are those of the model itself, whatever changes the choice, on every way, with and without guesses: of the output
    /// and, where that is asked for, of the prompt.
    @Test func logProbabilitiesAreTheModelsOwnOnEveryWay() async throws {
        let tiny = TinyModel(format: .q4_1, layers: 8, contextLength: 1024, seed: 3)
        let devices: [(String, WorkerKind)] = [
            ("a", .decode), ("b", .decode), ("c", .decode), ("p", .prefill), ("d", .decode),
        ]
        try await withWorkers(devices, model: tiny) { plane, model in
            let plan = plan(
                model.description,
                [
                    replica("one", .mixed, [("a", 0, 8)]), replica("two", .mixed, [("b", 0, 3), ("c", 3, 8)]),
                    replica("p", .prefill, [("p", 0, 8)]), replica("d", .decode, [("d", 0, 8)]),
                ])
            try await plane.enforce(plan)
            #expect(
                plane.state.withLock { state in
                    state.hellos.values.allSatisfy { $0.capabilities?.contains(Capability.samplingLogits) == true }
                })
            let ways = [
                plane.route(plan, prefill: nil, decode: "one"), plane.route(plan, prefill: nil, decode: "two"),
                plane.route(plan, prefill: "p", decode: "d"),
            ]
            let text = prompt(150, seed: 1)
            let samplings = [
                SamplingParameters(temperature: 0, topScores: 3, promptScores: 2),
                SamplingParameters(
                    temperature: 0.8, topK: 20, repetitionPenalty: 1.3, seed: 9,
                    logitBias: [LogitBias(token: 17, bias: 4)], topScores: 0, promptScores: 0),
            ]
            for (number, sampling) in samplings.enumerated() {
                for (way, route) in ways.enumerated() {
                    for guesses in [false, true] {
                        try await plane.start(
                            RequestID("r\(number)-\(way)-\(guesses)"), text, route: route, sampling: sampling,
                            stop: StopConditions(maxTokens: 24), guesses: guesses)
                    }
                }
            }
            #expect(await plane.wait { $0.outputs.count == 12 && $0.outputs.values.allSatisfy { $0.finish != nil } })
            for (number, sampling) in samplings.enumerated() {
                let first = plane.output(RequestID("r\(number)-0-false")).text
                #expect(first.count == 24)
                let whole = try ModelFile(gguf: model.gguf)
                let output = try likelihoods(whole, text + first, top: sampling.topScores ?? 0)
                let before = try likelihoods(whole, text, top: sampling.promptScores ?? 0)
                for way in ways.indices {
                    for guesses in [false, true] {
                        let told = plane.output(RequestID("r\(number)-\(way)-\(guesses)"))
                        #expect(told.text == first)
                        #expect(first.indices.map { told.scores[$0] } == Array(output.suffix(24)), "\(number) \(way)")
                        #expect(told.promptScores.count == text.count - 1)
                        #expect(
                            text.indices.dropFirst().map { told.promptScores[$0] } == before, "\(number) \(way)")
                    }
                }
            }

            // A sequence that is continued goes on with the same values, and one that does not ask is told none.
            let first = plane.output("r0-0-false")
            var sampling = samplings[0]
            sampling.promptScores = nil
            try await plane.start(
                "continued", text + first.text[..<10], route: ways[1], sampling: sampling,
                stop: StopConditions(maxTokens: 24), generated: 10)
            try await plane.start(
                "plain", text, route: ways[0], sampling: SamplingParameters(temperature: 0),
                stop: StopConditions(maxTokens: 4))
            #expect(
                await plane.wait { $0.outputs["continued"]?.finish != nil && $0.outputs["plain"]?.finish != nil })
            let continued = plane.output("continued")
            #expect(continued.promptScores.isEmpty && continued.scores == first.scores.filter { $0.key >= 10 })
            let plain = plane.output("plain")
            #expect(plain.scores.isEmpty && plain.promptScores.isEmpty)
        }
    }

    /// A bias decides what is said, and one that is no number is refused before it reaches the arithmetic.
    @Test func biasesDecide() async throws {
        let tiny = TinyModel(format: .q4_1, layers: 4, contextLength: 256, seed: 3)
        try await withWorkers([("a", .decode), ("b", .decode)], model: tiny) { plane, model in
            let plan = plan(model.description, [replica("two", .mixed, [("a", 0, 2), ("b", 2, 4)])])
            try await plane.enforce(plan)
            let route = plane.route(plan, prefill: nil, decode: "two")
            let sampling = SamplingParameters(temperature: 0.9, logitBias: [LogitBias(token: 42, bias: 100)])
            try await plane.start(
                "forced", prompt(20, seed: 1), route: route, sampling: sampling, stop: StopConditions(maxTokens: 8))
            #expect(await plane.wait { $0.outputs["forced"]?.finish != nil })
            #expect(plane.output("forced").text == Array(repeating: 42, count: 8))
        }
    }
}
