import Domain
import Inference
import Protocol
import StageRuntime
import TestSupport
import Testing

extension StageWorkerTests {
    /// The same prompt again, and the next turns of a chat, begin with the KV cache that is there, on one stage and on
    /// several, and have the tokens of a model that computes everything.
    @Test(arguments: [TinyModelArchitecture.llama, .gemma3], KVType.allCases)
    func laterPromptsBeginWithWhatIsThere(architecture: TinyModelArchitecture, kvType: KVType) async throws {
        let tiny = TinyModel(
            architecture: architecture, format: .q4_1, layers: 8, headDim: 32, contextLength: 1024, seed: 3)
        try await withWorkers([("a", .decode), ("b", .decode)], model: tiny) { plane, model in
            var plan = plan(model.description, [replica("m", .mixed, [("a", 0, 3), ("b", 3, 8)])])
            plan.kvType = kvType
            try await plane.enforce(plan)
            let route = plane.route(plan, prefill: nil, decode: "m")
            let whole = try ModelFile(gguf: model.gguf, kvType: kvType)
            let sampling = SamplingParameters(temperature: 0)
            let stop = StopConditions(maxTokens: 40)
            var text = prompt(200, seed: 1)
            var turns: [(RequestID, Int)] = []
            for turn in 0..<4 {
                for attempt in 0..<2 {
                    let request = RequestID("turn\(turn)-\(attempt)")
                    try await plane.start(
                        request, text, route: route, sampling: sampling, stop: stop, capacity: 1000, reuses: true)
                    #expect(await plane.wait { $0.outputs[request]?.finish != nil })
                    let expected = try reference(whole, text, sampling, stop)
                    #expect(plane.output(request).text == expected.tokens, "\(request)")
                    turns.append((request, plane.output(request).cached ?? -1))
                }
                text += plane.output(RequestID("turn\(turn)-0")).text + prompt(10, seed: turn + 7)
            }
            // 200 tokens, then 250, 300 and 350: of 239 that are in the cache after the first turn 7 blocks are full.
            #expect(turns.map(\.1) == [0, 192, 224, 224, 288, 288, 320, 320], "\(turns)")
            try await plane.start(
                "salted", text, route: route, sampling: sampling, stop: stop, capacity: 1000, reuses: true, salt: "x")
            try await plane.start("off", text, route: route, sampling: sampling, stop: stop, capacity: 1000)
            #expect(await plane.wait { $0.outputs["salted"]?.finish != nil && $0.outputs["off"]?.finish != nil })
            #expect(plane.output("salted").cached == 0)
            #expect(plane.output("off").cached == nil)
            #expect(await plane.wait { $0.heartbeats.values.allSatisfy { $0.load.kvUsedTokens == 0 } })
            #expect(plane.output("off").text == plane.output("salted").text)
        }
    }

    /// A decoder replica keeps what came from the prefill replica, and computes only the rest of the next turn.
    @Test func aDecoderFindsItsOwnKV() async throws {
        let devices: [(String, WorkerKind)] = [("a", .prefill), ("c", .decode), ("d", .decode)]
        try await withWorkers(devices) { plane, model in
            let plan = plan(
                model.description,
                [replica("p", .prefill, [("a", 0, 6)]), replica("d", .decode, [("c", 0, 3), ("d", 3, 6)])])
            try await plane.enforce(plan)
            let sampling = SamplingParameters(temperature: 0)
            let stop = StopConditions(maxTokens: 30)
            var text = prompt(100, seed: 1)
            try await plane.start(
                "first", text, route: plane.route(plan, prefill: "p", decode: "d"), sampling: sampling, stop: stop,
                capacity: 1000, reuses: true)
            #expect(await plane.wait { $0.outputs["first"]?.finish != nil })
            #expect(plane.output("first").text == (try reference(model, text, sampling, stop)).tokens)
            text += plane.output("first").text + prompt(10, seed: 2)
            try await plane.start(
                "second", text, route: plane.route(plan, prefill: nil, decode: "d"), sampling: sampling, stop: stop,
                capacity: 1000, reuses: true)
            #expect(await plane.wait { $0.outputs["second"]?.finish != nil })
            #expect(plane.output("second").text == (try reference(model, text, sampling, stop)).tokens)
            #expect(plane.output("second").cached == 128)
        }
    }

    /// A KV cache that is too small for all texts gives what is kept to the sequences that run.
    @Test func memoryIsForRunningSequences() async throws {
        let tiny = TinyModel(format: .q4_1, layers: 6, contextLength: 512, seed: 3)
        try await withWorkers([("a", .decode), ("b", .decode)], memory: "66M", model: tiny) { plane, model in
            let plan = plan(model.description, [replica("m", .mixed, [("a", 0, 3), ("b", 3, 6)])])
            try await plane.enforce(plan)
            let route = plane.route(plan, prefill: nil, decode: "m")
            let sampling = SamplingParameters(temperature: 0)
            let stop = StopConditions(maxTokens: 8)
            for index in 0..<40 {
                try await plane.start(
                    RequestID("r\(index)"), prompt(60 + index * 7, seed: index % 9), route: route, sampling: sampling,
                    stop: stop, capacity: 1000, reuses: true)
                if index % 4 == 3 {
                    #expect(
                        await plane.wait { state in
                            (0...index).allSatisfy { state.outputs[RequestID("r\($0)")]?.finish != nil }
                        })
                }
            }
            var hits = 0
            for index in 0..<40 {
                let expected = try reference(model, prompt(60 + index * 7, seed: index % 9), sampling, stop)
                let output = plane.output(RequestID("r\(index)"))
                #expect(output.text == expected.tokens, "r\(index)")
                #expect(!output.events.contains { $0.hasFailed })
                hits += output.cached ?? 0
            }
            #expect(hits > 0)
        }
    }
}
