import Domain
import Inference
import TestSupport
import Testing

@Suite struct KVCacheTests {
    private func cache(blocks: Int) throws -> KVCache {
        let layers = LayerRange(0, 3)
        let bytes = KVCache.bytes(tokens: blocks * 32, layers: layers, shape: KVShape(kvHeads: 2, headDim: 16))
        return try KVCache(layers: layers, shape: KVShape(kvHeads: 2, headDim: 16), budgetBytes: bytes)
    }

    @Test func budgetBecomesTokens() throws {
        #expect(try cache(blocks: 7).capacityTokens == 224)
        #expect(try cache(blocks: 7).capacityBytes == 7 * 3 * 2 * 2 * 16 * 32 * 2)
        #expect(throws: InferenceError.self) {
            try KVCache(layers: LayerRange(0, 3), shape: KVShape(kvHeads: 2, headDim: 16), budgetBytes: 1000)
        }
        #expect(throws: InferenceError.self) {
            try KVCache(layers: LayerRange(0, 3), shape: KVShape(kvHeads: 2, headDim: 16), budgetBytes: -1)
        }
    }

    @Test func blocksAreCountedAndComeBack() throws {
        let cache = try cache(blocks: 4)
        try cache.open("a", reservedTokens: 33)
        #expect(cache.freeTokens == 64)
        try cache.open("b")
        #expect(cache.freeTokens == 64)
        try cache.reserve("b", tokens: 32)
        try cache.reserve("b", tokens: 1)
        #expect(cache.freeTokens == 32)
        #expect(cache.sequences == ["a", "b"])
        #expect(cache.close("a"))
        #expect(!cache.close("a"))
        #expect(cache.freeTokens == 96)
        #expect(cache.length(of: "a") == nil)
        #expect(cache.length(of: "b") == 0)
    }

    @Test func runningOutChangesNothing() throws {
        let cache = try cache(blocks: 4)
        try cache.open("a", reservedTokens: 96)
        #expect(throws: InferenceError.self) { try cache.open("b", reservedTokens: 33) }
        #expect(throws: InferenceError.self) { try cache.reserve("a", tokens: 129) }
        #expect(throws: InferenceError.self) { try cache.open("a") }
        #expect(throws: InferenceError.self) { try cache.reserve("b", tokens: 1) }
        #expect(throws: InferenceError.self) { try cache.open("c", reservedTokens: -1) }
        #expect(throws: InferenceError.self) { try cache.open("c", reservedTokens: .max) }
        #expect(cache.freeTokens == 32)
        #expect(cache.sequences == ["a"])
    }

    @Test func truncatingGivesBlocksBackAndContinuesRight() throws {
        let tiny = try TinyStages()
        let stage = try tiny.executor(tokens: 96)
        let pipeline = Pipeline(stages: [stage])
        let prompt = tiny.prompt(70)
        try pipeline.open("s")
        _ = try pipeline.feed(prompt, to: "s")
        #expect(stage.cache.freeTokens == 0)
        try stage.cache.truncate("s", to: 20)
        #expect(stage.cache.freeTokens == 64)
        let again = try pipeline.feed(Array(prompt[20..<30]), to: "s", from: 20)
        let fresh = Pipeline(stages: [try tiny.executor()])
        try fresh.open("s")
        #expect(bits(again) == bits(try fresh.feed(Array(prompt[0..<30]), to: "s")))
        #expect(throws: InferenceError.self) { try stage.cache.truncate("s", to: 31) }
        #expect(throws: InferenceError.self) { try stage.cache.truncate("s", to: -1) }
    }

    /// Random opens, growth and closes: no block is lost or handed out twice, which the contents show.
    @Test func accountingSurvivesARandomSchedule() throws {
        let tiny = try TinyStages(TinyModel(layers: 2))
        let stage = try tiny.executor(tokens: 160)
        let pipeline = Pipeline(stages: [stage])
        var open: [RequestID: [Int32]] = [:]
        for round in 0..<120 {
            let roll = CounterRandom.bits(seed: 11, counter: UInt64(round))
            let name = RequestID("s\(roll % 6)")
            if open[name] == nil {
                try stage.open(name)
                open[name] = []
            } else if roll >> 8 & 3 == 0 {
                stage.close(name)
                open[name] = nil
                continue
            }
            let tokens = tiny.prompt(Int(roll >> 16 % 20) + 1, seed: roll)
            do {
                let logits = try pipeline.feed(tokens, to: name, from: open[name]?.count ?? 0)
                open[name]? += tokens
                let alone = Pipeline(stages: [try tiny.executor()])
                try alone.open("x")
                if round % 10 == 0 { #expect(bits(logits) == bits(try alone.feed(open[name] ?? [], to: "x"))) }
            } catch let error as InferenceError {
                #expect(error.code == .outOfMemory)
                #expect(stage.cache.length(of: name) == open[name]?.count)
                stage.close(name)
                open[name] = nil
            }
        }
        for name in open.keys { stage.close(name) }
        #expect(stage.cache.freeTokens == stage.cache.capacityTokens)
    }
}
