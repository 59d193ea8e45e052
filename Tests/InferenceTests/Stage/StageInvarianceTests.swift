import Domain
import Inference
import TestSupport
import Testing

/// How the work is arranged must not change one bit of the logits.
@Suite struct StageInvarianceTests {
    static let variants: [TinyModel] =
        TinyModelFormat.allCases.map { TinyModel(format: $0) } + [
            TinyModel(format: .q8_0, hidden: 128, heads: 4, kvHeads: 1, tiedHead: false, ropeFactors: true, seed: 5),
            TinyModel(format: .q4_1, heads: 4, kvHeads: 4, tiedHead: false, seed: 6),
            TinyModel(architecture: .qwen2, format: .q8_0, seed: 7),
            TinyModel(architecture: .qwen3, format: .q4_0, headDim: 32, seed: 8),
            TinyModel(architecture: .gemma3, format: .q4_0, layers: 7, heads: 2, kvHeads: 1, headDim: 64, seed: 9),
        ]

    @Test(arguments: variants) func splitEqualsWhole(_ options: TinyModel) throws {
        let tiny = try TinyStages(options)
        let prompt = tiny.prompt(45)
        let whole = Pipeline(stages: [try tiny.executor()])
        try whole.open("s")
        let expected = try whole.feed(prompt, to: "s")
        #expect(Set(bits(expected)).count > 100)
        for cut in 1..<options.layers {
            let split = Pipeline(stages: [try tiny.executor(0, cut), try tiny.executor(cut)])
            try split.open("s")
            #expect(bits(try split.feed(prompt, to: "s")) == bits(expected))
        }
        let single = Pipeline(stages: try (0..<options.layers).map { try tiny.executor($0, $0 + 1) })
        try single.open("s")
        #expect(bits(try single.feed(prompt, to: "s")) == bits(expected))
    }

    /// Stages that share layers compute as others do, and go on when the one that loaded them is gone.
    @Test func sharedWeightsOutliveTheStageThatLoadedThem() throws {
        let options = TinyModel(format: .q4_1, layers: 6)
        let tiny = try TinyStages(options)
        let prompt = tiny.prompt(30)
        let whole = Pipeline(stages: [try tiny.executor()])
        try whole.open("s")
        let expected = bits(try whole.feed(prompt, to: "s"))

        let store = WeightStore()
        var first: StageExecutor? = try tiny.executor(0, 4, store: store)
        let later = try tiny.executor(2, 6, store: store)
        #expect(store.held(LayerRange(0, 6)) == 6)
        #expect(later.weightBytes > 0 && first.map { $0.weightBytes > 0 } == true)
        first = nil
        #expect(store.held(LayerRange(0, 6)) == 4, "2..<6 are still in use")
        let front = try tiny.executor(0, 2, store: store)
        let split = Pipeline(stages: [front, later])
        try split.open("s")
        #expect(bits(try split.feed(prompt, to: "s")) == expected)
    }

    @Test func keptWeightsAreThereForTheNextStage() throws {
        let tiny = try TinyStages(TinyModel(format: .q8_0, layers: 6))
        let store = WeightStore()
        var stage: StageExecutor? = try tiny.executor(0, 5, store: store)
        store.keep(LayerRange(1, 6))
        stage = nil
        #expect(stage == nil && store.held(LayerRange(0, 6)) == 4, "1..<5 are kept, 5 was not there")
        store.keep(LayerRange(3, 6))
        #expect(store.held(LayerRange(0, 6)) == 2)
        let whole = try tiny.executor(store: store)
        store.keep(nil)
        let plain = Pipeline(stages: [try tiny.executor()])
        try plain.open("s")
        let shared = Pipeline(stages: [whole])
        try shared.open("s")
        let prompt = tiny.prompt(20)
        #expect(bits(try shared.feed(prompt, to: "s")) == bits(try plain.feed(prompt, to: "s")))
    }

    @Test(arguments: [[1, 44], [32, 13], [31, 2, 12], [44, 1], [7, 7, 7, 7, 7, 10]])
    func chunkedEqualsWhole(_ chunks: [Int]) throws {
        let tiny = try TinyStages()
        let prompt = tiny.prompt(45)
        let pipeline = Pipeline(stages: [try tiny.executor()])
        try pipeline.open("whole")
        try pipeline.open("chunked")
        let expected = try pipeline.feed(prompt, to: "whole")
        #expect(bits(try pipeline.feed(prompt, to: "chunked", chunks: chunks)) == bits(expected))
    }

    @Test func tokenByTokenEqualsWhole() throws {
        let tiny = try TinyStages(TinyModel(format: .q4_1))
        let prompt = tiny.prompt(40)
        let pipeline = Pipeline(stages: [try tiny.executor()])
        try pipeline.open("whole")
        try pipeline.open("steps")
        let expected = try pipeline.feed(prompt, to: "whole")
        let steps = try pipeline.feed(prompt, to: "steps", chunks: prompt.map { _ in 1 })
        #expect(bits(steps) == bits(expected))
    }

    @Test func batchedEqualsAlone() throws {
        let tiny = try TinyStages()
        let lengths = [5, 33, 1, 20, 64, 2]
        let prompts = lengths.indices.map { tiny.prompt(lengths[$0], seed: UInt64($0)) }
        let next = tiny.prompt(lengths.count, seed: 99)

        var expected: [[[Float]]] = []
        for index in prompts.indices {
            let alone = Pipeline(stages: [try tiny.executor()])
            try alone.open("s")
            expected.append([
                try alone.feed(prompts[index], to: "s"),
                try alone.feed([next[index]], to: "s", from: lengths[index]),
            ])
        }

        // Sequence i decodes while sequence i + 1 prefills: decode rows and chunks share every step.
        let together = Pipeline(stages: [try tiny.executor()])
        let names = prompts.indices.map { RequestID("s\($0)") }
        for name in names { try together.open(name) }
        for index in 0...prompts.count {
            var entries: [StageEntry] = []
            var tokens: [Int32] = []
            var wanted: [[Float]] = []
            if index > 0 {
                entries.append(
                    StageEntry(
                        sequence: names[index - 1], startPosition: lengths[index - 1], rows: 1, wantsLogits: true))
                tokens.append(next[index - 1])
                wanted.append(expected[index - 1][1])
            }
            if index < prompts.count {
                entries.append(
                    StageEntry(sequence: names[index], startPosition: 0, rows: lengths[index], wantsLogits: true))
                tokens += prompts[index]
                wanted.append(expected[index][0])
            }
            let logits = try together.step(entries, tokens: tokens)
            #expect(logits.map(bits) == wanted.map(bits))
        }
    }

    @Test func threadsDoNotMatter() throws {
        let tiny = try TinyStages(TinyModel(format: .q8_0, tiedHead: false))
        let prompt = tiny.prompt(70)
        var results: [[UInt32]] = []
        for threads in [1, 2, 3] {
            let pipeline = Pipeline(stages: [try tiny.executor(threads: threads)])
            try pipeline.open("s")
            results.append(bits(try pipeline.feed(prompt, to: "s")))
            results.append(bits(try pipeline.feed([5], to: "s", from: 70)))
        }
        #expect(results[0] == results[2] && results[2] == results[4])
        #expect(results[1] == results[3] && results[3] == results[5])
    }

    @Test func logitsOnlyWhereWanted() throws {
        let tiny = try TinyStages()
        let pipeline = Pipeline(stages: [try tiny.executor()])
        for name in ["a", "b", "c"] { try pipeline.open(RequestID(name)) }
        let tokens = tiny.prompt(6)
        let logits = try pipeline.step(
            [
                StageEntry(sequence: "a", startPosition: 0, rows: 2, wantsLogits: true),
                StageEntry(sequence: "b", startPosition: 0, rows: 3, wantsLogits: false),
                StageEntry(sequence: "c", startPosition: 0, rows: 1, wantsLogits: true),
            ], tokens: tokens)
        #expect(logits.count == 2)
        let alone = Pipeline(stages: [try tiny.executor()])
        try alone.open("a")
        try alone.open("c")
        #expect(bits(try alone.feed(Array(tokens[0..<2]), to: "a")) == bits(logits[0]))
        #expect(bits(try alone.feed([tokens[5]], to: "c")) == bits(logits[1]))
        let stage = try #require(pipeline.stages.first)
        #expect(throws: InferenceError.self) { try stage.withLogits(2) { _ in } }
        #expect(throws: InferenceError.self) { try stage.withLogits(-1) { _ in } }
    }
}
