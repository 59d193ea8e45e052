import Domain
import Foundation
import Grammar
import Inference
import Protocol
import StageRuntime
import Synchronization
import TestSupport
import Testing

extension StageWorkerTests {
    private static let schema = SamplingConstraint(
        .jsonSchema,
        #"""
        {"type":"object","properties":{"city":{"type":"string","maxLength":12},"days":{"type":"integer","minimum":1,"maximum":14},
        "mood":{"enum":["fine","bad"]}},"required":["city","days","mood"],"additionalProperties":false}
        """#)

    /// What a model without sense writes under a schema follows it on every way, with and without guesses, and a sequence that is
    /// continued anywhere goes on with the same tokens.
    @Test func constrainedOutputsFollowTheirSchemaOnEveryWay() async throws {
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
                    state.hellos.values.allSatisfy { $0.capabilities?.contains(Capability.samplingGrammar) == true }
                })
            let ways = [
                plane.route(plan, prefill: nil, decode: "one"), plane.route(plan, prefill: nil, decode: "two"),
                plane.route(plan, prefill: "p", decode: "d"),
            ]
            let text = prompt(20, seed: 1)
            let stop = StopConditions(maxTokens: 200, stopTokens: [TinyModel.vocabulary.endOfTurn])
            let samplings = [
                SamplingParameters(temperature: 0), SamplingParameters(temperature: 1, seed: 7),
                SamplingParameters(temperature: 0.8, topK: 40, repetitionPenalty: 1.2, seed: 9),
            ]
            for (number, sampling) in samplings.enumerated() {
                for (way, route) in ways.enumerated() {
                    for guesses in [false, true] {
                        try await plane.start(
                            RequestID("r\(number)-\(way)-\(guesses)"), text, route: route, sampling: sampling,
                            stop: stop,
                            guesses: guesses, constraint: Self.schema)
                    }
                }
            }
            #expect(await plane.wait { $0.outputs.count == 18 && $0.outputs.values.allSatisfy { $0.finish != nil } })
            let tokenizer = try Tokenizer(gguf: model.gguf)
            var outputs: [[Int32]] = []
            for number in samplings.indices {
                let first = plane.output(RequestID("r\(number)-0-false"))
                outputs.append(first.text)
                #expect(first.finish == .stop)
                try expectFollows(first.text, tokenizer)
                for way in ways.indices {
                    for guesses in [false, true] {
                        let output = plane.output(RequestID("r\(number)-\(way)-\(guesses)"))
                        #expect(output.text == first.text && output.finish == .stop, "\(number) \(way) \(guesses)")
                    }
                }
            }
            #expect(Set(outputs).count > 1)

            // Continued from every so-many-th token.
            let whole = outputs[1]
            for cut in stride(from: 1, to: whole.count, by: 5) {
                try await plane.start(
                    RequestID("c\(cut)"), text + whole[..<cut], route: ways[cut % ways.count], sampling: samplings[1],
                    stop: stop, generated: cut, constraint: Self.schema)
            }
            let continued = Array(stride(from: 1, to: whole.count, by: 5))
            #expect(
                await plane.wait { state in continued.allSatisfy { state.outputs[RequestID("c\($0)")]?.finish != nil } }
            )
            for cut in continued {
                let output = plane.output(RequestID("c\(cut)"))
                #expect(
                    (cut..<whole.count).map { output.tokens[UInt64($0)] } == whole[cut...].map { $0 }, "from \(cut)")
                #expect(output.finish == .stop)
            }
        }
    }

    private func expectFollows(_ tokens: [Int32], _ tokenizer: Tokenizer) throws {
        let output = tokens.last.map(tokenizer.isEndOfGeneration) == true ? tokens.dropLast() : tokens[...]
        let bytes = output.flatMap { tokenizer.piece($0) }
        var state = GrammarState(try CompiledGrammar.compile(Self.schema))
        #expect(state.accept(bytes) && state.canEnd, "\(String(decoding: bytes, as: UTF8.self))")
        let object = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
        #expect(Set(object.keys) == ["city", "days", "mood"])
        #expect((1...14).contains(object["days"] as? Int ?? 0))
    }

    /// Whose constraint is no good, or was not followed, fails alone.
    @Test func badConstraintsFailTheirRequestsOnly() async throws {
        try await withWorkers([("a", .decode)]) { plane, model in
            let plan = plan(model.description, [replica("one", .mixed, [("a", 0, 6)])])
            try await plane.enforce(plan)
            let route = plane.route(plan, prefill: nil, decode: "one")
            let stop = StopConditions(maxTokens: 8)
            let sampling = SamplingParameters(temperature: 0)
            let bad = [
                SamplingConstraint(.jsonSchema, #"{"not":{}}"#), SamplingConstraint(.grammar, "root ::= root"),
                SamplingConstraint(.regex, "(a"), SamplingConstraint(.choice, "[]"), SamplingConstraint(.format, "{}"),
            ]
            for (index, constraint) in bad.enumerated() {
                try await plane.start(
                    RequestID("bad\(index)"), prompt(5, seed: 1), route: route, sampling: sampling, stop: stop,
                    constraint: constraint)
            }
            // The generated token is no part of an object.
            try await plane.start(
                "strayed", prompt(5, seed: 1) + [Int32(UInt8(ascii: "x")) + 3], route: route, sampling: sampling,
                stop: stop, generated: 1, constraint: SamplingConstraint(.jsonObject))
            try await plane.start(
                "good", prompt(5, seed: 1), route: route, sampling: sampling, stop: stop, constraint: nil)
            let failing = bad.indices.map { RequestID("bad\($0)") } + ["strayed"]
            #expect(
                await plane.wait { state in
                    failing.allSatisfy { state.outputs[$0]?.events.contains { $0.hasFailed } == true }
                        && state.outputs["good"]?.finish != nil
                })
            for request in failing {
                let faults = plane.output(request).events.compactMap { event -> Fault? in
                    if case .failed(let fault) = event.moment { fault } else { nil }
                }
                #expect(faults.first?.code == Fault.constraintFailedCode, "\(request): \(faults)")
                #expect(faults.first?.isRetriable == false)
                #expect(plane.output(request).tokens.isEmpty)
            }
            #expect(plane.output("good").text.count == 8)
            #expect(await plane.wait { $0.heartbeats.values.allSatisfy { $0.load.kvUsedTokens == 0 } })
        }
    }

    /// The fewest tokens are no reason to leave the grammar, and an end token is none to end before it may.
    @Test func theGrammarDecidesWhereTheTextEnds() async throws {
        try await withWorkers([("a", .decode)]) { plane, model in
            let plan = plan(model.description, [replica("one", .mixed, [("a", 0, 6)])])
            try await plane.enforce(plan)
            let route = plane.route(plan, prefill: nil, decode: "one")
            let end = TinyModel.vocabulary.endOfTurn
            let texts: [(RequestID, SamplingConstraint, Int, ClosedRange<Int>)] = [
                ("short", SamplingConstraint(.choice, #"["ab"]"#), 10, 2...2),
                ("optional", SamplingConstraint(.regex, "a{0,6}"), 4, 4...6),
            ]
            for (request, constraint, least, _) in texts {
                try await plane.start(
                    request, prompt(5, seed: 2), route: route, sampling: SamplingParameters(temperature: 1, seed: 4),
                    stop: StopConditions(maxTokens: 20, minTokens: least, stopTokens: [end]), constraint: constraint)
            }
            #expect(await plane.wait { state in texts.allSatisfy { state.outputs[$0.0]?.finish != nil } })
            let tokenizer = try Tokenizer(gguf: model.gguf)
            for (request, constraint, _, lengths) in texts {
                let output = plane.output(request)
                #expect(output.finish == .stop)
                // Any end token of the model may end the text.
                let ends = Set(tokenizer.endOfGenerationTokens)
                let bytes = output.text.filter { !ends.contains($0) }.flatMap { tokenizer.piece($0) }
                var state = GrammarState(try CompiledGrammar.compile(constraint))
                #expect(state.accept(bytes) && state.canEnd)
                #expect(lengths.contains(bytes.count), "\(request): \(bytes.count)")
            }
        }
    }
}
