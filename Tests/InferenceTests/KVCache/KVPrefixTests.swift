import Domain
import Inference
import TestSupport
import Testing

/// Blocks that stay when their sequence has ended, and sequences that begin with them.
@Suite struct KVPrefixTests {
    private static let models: [TinyModel] = [
        TinyModel(format: .q4_0, seed: 3), TinyModel(format: .q8_0, hidden: 128, heads: 4, kvHeads: 1, seed: 5),
        TinyModel(architecture: .gemma3, format: .q4_0, layers: 7, heads: 2, kvHeads: 1, headDim: 64, seed: 9),
        TinyModel(architecture: .qwen3, format: .q4_0, headDim: 32, seed: 8),
    ]

    private static func run(_ first: UInt64, _ count: Int) -> KVBlockRun { KVBlockRun(first: first, count: count) }

    private func cache(blocks: Int) throws -> KVCache {
        let layers = LayerRange(0, 3)
        let bytes = KVCache.bytes(tokens: blocks * 32, layers: layers, shape: KVShape(kvHeads: 2, headDim: 16))
        return try KVCache(layers: layers, shape: KVShape(kvHeads: 2, headDim: 16), budgetBytes: bytes)
    }

    /// A prompt that begins with another one's blocks has the bits of one that is computed in full, whatever was
    /// computed before and in which chunks, on one stage and on several.
    @Test(arguments: models, KVType.allCases) func reuseGivesTheSameBits(_ options: TinyModel, _ type: KVType) throws {
        guard options.headDim % 32 == 0 || type == .f16 else { return }
        let tiny = try TinyStages(options, kvType: type)
        let prompt = tiny.prompt(150)
        let other = Array(prompt.prefix(80)) + tiny.prompt(70, seed: 2)
        for cut in [nil, 2] as [Int?] {
            let stages =
                try cut.map { [try tiny.executor(0, $0, maxRows: 160), try tiny.executor($0, maxRows: 160)] }
                ?? [try tiny.executor(maxRows: 160)]
            let pipeline = Pipeline(stages: stages)
            try pipeline.open("full")
            let expected = bits(try pipeline.feed(prompt, to: "full"))
            try pipeline.open("full-other")
            let expectedOther = bits(try pipeline.feed(other, to: "full-other"))
            for stage in stages {
                stage.close("full")
                stage.close("full-other")
                try stage.open("a", prefix: SequencePrefix(next: 1))
            }
            // Prompt and output: rows one by one as well.
            _ = try pipeline.feed(
                Array(prompt.prefix(140)), to: "a", chunks: [50, 60] + Array(repeating: 1, count: 30))
            for stage in stages { stage.close("a", keeping: [Self.run(1, 4)]) }
            for (blocks, tokens, expected) in [(4, prompt, expected), (1, prompt, expected), (2, other, expectedOther)]
            {
                let name = RequestID("b\(blocks)\(tokens.last ?? 0)")
                for stage in stages {
                    try stage.open(name, prefix: SequencePrefix(blocks: [Self.run(1, blocks)], next: 100))
                    #expect(stage.cache.length(of: name) == 32 * blocks)
                }
                let rest = Array(tokens.dropFirst(32 * blocks))
                let chunks = [7, rest.count - 7]
                #expect(bits(try pipeline.feed(rest, to: name, from: 32 * blocks, chunks: chunks)) == expected)
                for stage in stages { stage.close(name) }
            }
            for stage in stages {
                #expect(stage.cache.keptTokens == 128)
                stage.cache.drop([Self.run(1, 4)])
                #expect(stage.cache.keptTokens == 0 && stage.cache.freeTokens == stage.cache.capacityTokens)
            }
        }
    }

    /// Two sequences that share blocks do not change each other's.
    @Test func sharedBlocksAreOnlyRead() throws {
        let tiny = try TinyStages()
        let stage = try tiny.executor()
        let pipeline = Pipeline(stages: [stage])
        let one = tiny.prompt(90)
        let two = Array(one.prefix(64)) + tiny.prompt(26, seed: 4)
        try pipeline.open("x")
        let expectedOne = bits(try pipeline.feed(one, to: "x"))
        try pipeline.open("y")
        let expectedTwo = bits(try pipeline.feed(two, to: "y"))
        try stage.open("a", prefix: SequencePrefix(next: 1))
        _ = try pipeline.feed(Array(one.prefix(64)), to: "a")
        try stage.open("b", prefix: SequencePrefix(blocks: [Self.run(1, 2)], next: 50))
        #expect(throws: InferenceError.self) { try stage.cache.truncate("b", to: 40) }
        #expect(bits(try pipeline.feed(Array(two.dropFirst(64)), to: "b", from: 64)) == expectedTwo)
        #expect(bits(try pipeline.feed(Array(one.dropFirst(64)), to: "a", from: 64)) == expectedOne)
    }

    @Test func blocksStayUntilTheyAreDroppedOrNeeded() throws {
        let cache = try cache(blocks: 6)
        try cache.open("a", reservedTokens: 100, prefix: SequencePrefix(next: 10))
        #expect(cache.freeTokens == 64)
        cache.close("a", keeping: [Self.run(10, 3)])
        #expect(cache.freeTokens == 192 && cache.keptTokens == 96)
        try cache.open("b", reservedTokens: 96, prefix: SequencePrefix(blocks: [Self.run(10, 2)], next: 20))
        #expect(cache.length(of: "b") == 64)
        #expect(cache.keptTokens == 32 && cache.freeTokens == 96)
        // What a sequence has goes with it.
        cache.drop([Self.run(10, 3)])
        #expect(cache.keptTokens == 0 && cache.freeTokens == 96)
        cache.close("b", keeping: [Self.run(10, 1), Self.run(20, 1)])
        #expect(cache.keptTokens == 64 && cache.freeTokens == 192)
        // Sequences always win, and only what they need goes.
        try cache.open("c", reservedTokens: 5 * 32)
        #expect(cache.keptTokens == 32)
        #expect(throws: InferenceError.self) {
            try cache.open("d", prefix: SequencePrefix(blocks: [Self.run(20, 1)], next: 30))
        }
        cache.close("c")
        #expect(cache.keptTokens == 32)
        cache.dropKept()
        #expect(cache.keptTokens == 0 && cache.freeTokens == 192)
    }

    @Test func aMissingBlockChangesNothing() throws {
        let cache = try cache(blocks: 4)
        try cache.open("a", reservedTokens: 64, prefix: SequencePrefix(next: 10))
        cache.close("a", keeping: [Self.run(10, 2)])
        do {
            try cache.open("b", prefix: SequencePrefix(blocks: [Self.run(10, 3)], next: 20))
            Issue.record("block 12 is not there")
        } catch {
            #expect((error as? InferenceError)?.code == .prefixMissing)
        }
        #expect(throws: InferenceError.self) {
            try cache.open("b", reservedTokens: 160, prefix: SequencePrefix(blocks: [Self.run(10, 2)], next: 20))
        }
        // Shared blocks count for each sequence: a step has tables for no more than all blocks.
        #expect(throws: InferenceError.self) {
            try cache.open(
                "b", prefix: SequencePrefix(blocks: Array(repeating: Self.run(10, 2), count: 3), next: 20))
        }
        #expect(cache.sequences.isEmpty && cache.keptTokens == 64 && cache.freeTokens == 128)
        // Counts from the network are bounded.
        cache.drop([KVBlockRun(first: 1000, count: .max), KVBlockRun(first: 0, count: -5)])
        #expect(cache.keptTokens == 64)
    }

    /// KV cache may begin to come before its sequence is opened and gets names.
    @Test func blocksAreNamedLater() throws {
        let cache = try cache(blocks: 4)
        try cache.open("a", reservedTokens: 64)
        try cache.begin("a", with: SequencePrefix(next: 7))
        try cache.reserve("a", tokens: 96)
        cache.close("a", keeping: [Self.run(7, 3)])
        #expect(cache.keptTokens == 96)
    }

    /// KV cache that came before its sequence was opened gives way to blocks with which the sequence begins; what came
    /// behind them stays, and what comes for them later is not written.
    @Test func aTransferGoesOnBehindSharedBlocks() throws {
        let cache = try cache(blocks: 12)
        let layers = LayerRange(0, 3)
        func values(_ count: Int, _ value: UInt8) -> [UInt8] {
            Array(repeating: value, count: cache.transferBytes(layers: layers, positions: 0..<count))
        }
        func held(_ sequence: RequestID, _ positions: Range<Int>) throws -> Set<UInt8> {
            Set(try cache.exportKV(sequence, layers: layers, positions: positions))
        }
        try cache.open("a", reservedTokens: 70, prefix: SequencePrefix(next: 1))
        try cache.importKV("a", layers: layers, positions: 0..<70, bytes: values(70, 1))
        cache.close("a", keeping: [Self.run(1, 2)])
        // Only what is behind the two blocks has come, and then some of what is before.
        try cache.open("b", reservedTokens: 100)
        try cache.importKV("b", layers: layers, positions: 64..<80, bytes: values(16, 2))
        #expect(cache.length(of: "b") == 0)
        try cache.importKV("b", layers: layers, positions: 0..<40, bytes: values(40, 3))
        try cache.begin("b", with: SequencePrefix(blocks: [Self.run(1, 2)], next: 50))
        #expect(cache.length(of: "b") == 80)
        #expect(try held("b", 0..<64) == [1] && held("b", 64..<80) == [2])
        // A piece that reaches over the end of what is shared.
        try cache.importKV("b", layers: layers, positions: 50..<90, bytes: values(40, 4))
        #expect(cache.length(of: "b") == 90)
        #expect(try held("b", 0..<64) == [1] && held("b", 64..<90) == [4])
        #expect(cache.freeTokens == 8 * 32)
        #expect(throws: InferenceError.self) {
            try cache.begin("b", with: SequencePrefix(blocks: [Self.run(1, 1)], next: 60))
        }
        #expect(throws: InferenceError.self) {
            try cache.begin("b", with: SequencePrefix(blocks: [Self.run(1, 3)], next: 60))
        }
        // Its own blocks are named behind the shared ones.
        cache.close("b", keeping: [Self.run(1, 2), Self.run(50, 1)])
        #expect(cache.keptTokens == 96 && cache.freeTokens == 12 * 32)
    }

    /// More is found for a sequence that has not begun: blocks that are its own keep their names.
    @Test func aSequenceThatWaitsBeginsWithMore() throws {
        let cache = try cache(blocks: 12)
        try cache.open("a", reservedTokens: 96, prefix: SequencePrefix(next: 1))
        try cache.open("b", reservedTokens: 128, prefix: SequencePrefix(blocks: [Self.run(1, 1)], next: 50))
        try cache.begin("b", with: SequencePrefix(blocks: [Self.run(1, 3)], next: 52))
        #expect(cache.length(of: "b") == 96)
        try cache.reserve("b", tokens: 160)
        cache.close("a", keeping: [Self.run(1, 3)])
        #expect(cache.keptTokens == 0)
        cache.close("b", keeping: [Self.run(1, 3), Self.run(52, 2)])
        #expect(cache.keptTokens == 5 * 32 && cache.freeTokens == 12 * 32)
    }

    @Test(arguments: 0..<20) func nothingLeaks(_ seed: UInt64) throws {
        let cache = try cache(blocks: 12)
        var next: UInt64 = 1
        var known: [[UInt64]] = []
        var open: [RequestID: [UInt64]] = [:]
        for step in 0..<400 {
            let choice = Int(CounterRandom.bits(seed: seed, counter: UInt64(step)) >> 2)
            let size = (choice >> 8) % 100
            let name = RequestID("s\(step)")
            let chosen = open.keys.sorted().first { $0.rawValue.utf8.reduce(0) { $0 + Int($1) } % 3 == choice % 3 }
            switch choice % 5 {
            case 0, 1:
                let prefix = known.isEmpty ? [] : Array(known[(choice >> 20) % known.count].prefix(size % 3))
                let opening = SequencePrefix(blocks: KVBlockRun.runs(prefix), next: next)
                next += 100
                guard (try? cache.open(name, reservedTokens: size, prefix: opening)) != nil else { continue }
                open[name] = prefix + (0..<3).map { opening.next + UInt64($0) }
            case 2: if let chosen { try? cache.reserve(chosen, tokens: size * 2) }
            case 3:
                guard let chosen, let names = open.removeValue(forKey: chosen) else { continue }
                known.append(names)
                cache.close(chosen, keeping: KVBlockRun.runs(Array(names.prefix(size % 4))))
            default: if let names = known.last { cache.drop(KVBlockRun.runs(names)) }
            }
            #expect(cache.freeTokens <= cache.capacityTokens && cache.keptTokens <= cache.freeTokens)
        }
        for name in open.keys { cache.close(name) }
        #expect(cache.freeTokens == cache.capacityTokens)
        cache.dropKept()
        #expect(cache.keptTokens == 0 && cache.freeTokens == cache.capacityTokens)
        try cache.open("all", reservedTokens: cache.capacityTokens)
    }
}
