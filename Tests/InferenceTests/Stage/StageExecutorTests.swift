import Domain
import Inference
import TestSupport
import Testing

@Suite struct StageExecutorTests {
    private func entry(_ name: String, _ start: Int, _ rows: Int) -> StageEntry {
        StageEntry(sequence: RequestID(name), startPosition: start, rows: rows, wantsLogits: true)
    }

    @Test func wrongBatchesAreRefusedAndChangeNothing() throws {
        let tiny = try TinyStages()
        let stage = try tiny.executor(0, 2, tokens: 64, maxRows: 8)
        try stage.open("a")
        try stage.open("b")
        let wrong: [StageBatch] = [
            StageBatch(entries: [], input: .tokens([])),
            StageBatch(entries: [entry("a", 0, 0)], input: .tokens([])),
            StageBatch(entries: [entry("a", 0, -1)], input: .tokens([])),
            StageBatch(entries: [entry("a", 0, 2)], input: .tokens([1])),
            StageBatch(entries: [entry("a", 0, 9)], input: .tokens(tiny.prompt(9))),
            StageBatch(entries: [entry("a", 0, 5), entry("b", 0, .max)], input: .tokens(tiny.prompt(6))),
            StageBatch(entries: [entry("a", 1, 1)], input: .tokens([1])),
            StageBatch(entries: [entry("x", 0, 1)], input: .tokens([1])),
            StageBatch(entries: [entry("a", 0, 1), entry("a", 1, 1)], input: .tokens([1, 2])),
            StageBatch(entries: [entry("a", 0, 1)], input: .tokens([-1])),
            StageBatch(entries: [entry("a", 0, 1)], input: .tokens([Int32(tiny.model.configuration.vocabulary)])),
            StageBatch(entries: [entry("a", 0, 1)], input: .hidden([UInt8](repeating: 0, count: 256))),
        ]
        for batch in wrong {
            #expect(throws: InferenceError.self, "\(batch.entries)") { try stage.step(batch) }
        }
        #expect(stage.cache.length(of: "a") == 0)
        let second = try tiny.executor(2, 4)
        try second.open("a")
        #expect(throws: InferenceError.self) {
            try second.step(StageBatch(entries: [entry("a", 0, 1)], input: .tokens([1])))
        }
        #expect(throws: InferenceError.self) {
            try second.step(StageBatch(entries: [entry("a", 0, 1)], input: .hidden([1, 2, 3])))
        }
    }

    @Test func hiddenStatesThatAreNotNumbersDoNotCrash() throws {
        let tiny = try TinyStages()
        let stage = try tiny.executor(2, 4)
        try stage.open("a")
        let nan = (0..<64 * 3).flatMap { _ in withUnsafeBytes(of: Float.nan.bitPattern.littleEndian, Array.init) }
        _ = try stage.step(StageBatch(entries: [entry("a", 0, 3)], input: .hidden(nan)))
        let token = try stage.withLogits(0) { Sampler.greedy($0) }
        #expect(token == 0)
        // Another sequence is not touched by it.
        let clean = [UInt8](repeating: 0, count: 64 * 4)
        try stage.open("b")
        _ = try stage.step(StageBatch(entries: [entry("b", 0, 1)], input: .hidden(clean)))
        #expect(try stage.withLogits(0) { logits in (0..<logits.count).allSatisfy { logits[$0].isFinite } })
    }

    @Test func outOfBlocksNamesTheSequenceAndLeavesOthersAlone() throws {
        let tiny = try TinyStages()
        let stage = try tiny.executor(tokens: 64)
        let pipeline = Pipeline(stages: [stage])
        try pipeline.open("a")
        try pipeline.open("b")
        _ = try pipeline.feed(tiny.prompt(40), to: "a")
        do {
            _ = try pipeline.feed([1], to: "b")
            Issue.record("64 tokens held 65")
        } catch let error as InferenceError {
            #expect(error.code == .outOfMemory)
            #expect(error.message.contains("b"))
        }
        #expect(stage.cache.length(of: "b") == 0)
        stage.close("a")
        _ = try pipeline.feed([1], to: "b")
    }

    @Test func contextIsTheLimit() throws {
        let tiny = try TinyStages(TinyModel(contextLength: 40))
        let pipeline = Pipeline(stages: [try tiny.executor()])
        try pipeline.open("a")
        #expect(throws: InferenceError.self) { try pipeline.feed(tiny.prompt(41), to: "a") }
        _ = try pipeline.feed(tiny.prompt(40), to: "a")
        #expect(throws: InferenceError.self) { try pipeline.feed([1], to: "a", from: 40) }
    }

    @Test func impossibleStagesAreRefused() throws {
        let tiny = try TinyStages()
        #expect(throws: InferenceError.self) { try tiny.executor(2, 2) }
        #expect(throws: InferenceError.self) { try tiny.executor(2, 5) }
        #expect(throws: InferenceError.self) { try tiny.executor(-1, 2) }
        #expect(throws: InferenceError.self) { try tiny.executor(threads: 0) }
        #expect(throws: InferenceError.self) { try tiny.executor(maxRows: 0) }
    }

    @Test func aStageHoldsOnlyItsOwnLayers() throws {
        let tiny = try TinyStages(TinyModel(format: .q8_0, tiedHead: false))
        let description = tiny.model.description
        let middle = try tiny.executor(1, 2)
        #expect(middle.weightBytes == description.bytesPerLayer)
        #expect(try tiny.executor(0, 3).weightBytes == 3 * description.bytesPerLayer)
        #expect(try tiny.executor(3, 4).weightBytes == description.bytesPerLayer + description.bytesHead)
        #expect(middle.cache.layers == LayerRange(1, 2))
    }
}
