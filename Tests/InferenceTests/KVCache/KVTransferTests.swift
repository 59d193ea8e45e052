import Domain
import Inference
import TestSupport
import Testing

@Suite struct KVTransferTests {
    /// Prefill stages and decoder stages cut the layers differently; every overlap travels on its own, in pieces of
    /// positions, in any order.
    @Test(arguments: [1, 7, 32, 45], [KVType.f16, .q8_0])
    func movedEqualsNotMoved(pieceLength: Int, kvType: KVType) throws {
        let tiny = try TinyStages(TinyModel(format: .q4_0, layers: 5, headDim: 32), kvType: kvType)
        let prompt = tiny.prompt(45)
        let producer = Pipeline(stages: [try tiny.executor(0, 2), try tiny.executor(2, 5)])
        let consumer = Pipeline(stages: [
            try tiny.executor(0, 1), try tiny.executor(1, 4), try tiny.executor(4, 5),
        ])
        try producer.open("s")
        try consumer.open("other")
        _ = try consumer.feed(tiny.prompt(50, seed: 3), to: "other")
        try consumer.open("s")
        _ = try producer.feed(prompt, to: "s")

        var pieces: [(from: StageExecutor, to: StageExecutor, layers: LayerRange, positions: Range<Int>)] = []
        for from in producer.stages {
            for to in consumer.stages {
                guard let shared = from.layers.intersection(to.layers) else { continue }
                for start in stride(from: 0, to: prompt.count, by: pieceLength) {
                    pieces.append((from, to, shared, start..<min(start + pieceLength, prompt.count)))
                }
            }
        }
        for piece in pieces.reversed() {
            let bytes = try piece.from.cache.exportKV("s", layers: piece.layers, positions: piece.positions)
            #expect(bytes.count == piece.from.cache.transferBytes(layers: piece.layers, positions: piece.positions))
            try piece.to.cache.importKV("s", layers: piece.layers, positions: piece.positions, bytes: bytes)
        }
        for stage in consumer.stages { #expect(stage.cache.length(of: "s") == 45) }

        let expected = try producer.feed([9], to: "s", from: 45)
        #expect(bits(try consumer.feed([9], to: "s", from: 45)) == bits(expected))
        // What was imported goes out again as it came in.
        let again = try consumer.stages[1].cache.exportKV("s", layers: LayerRange(2, 4), positions: 3..<40)
        #expect(again == (try producer.stages[1].cache.exportKV("s", layers: LayerRange(2, 4), positions: 3..<40)))
    }

    /// Of layers with a sliding window only the end is handed over, in chunks as prefill makes them, in either type
    /// and however the layers are cut; what follows has the same bits. A stage takes the type that it is told,
    /// beside others.
    @Test(arguments: KVType.allCases, [2, 6]) func onlyWindowsAreHandedOver(kvType: KVType, cut: Int) throws {
        let tiny = try TinyStages(TinyModel(architecture: .gemma3, layers: 8, headDim: 32))
        let layers = tiny.model.description.allLayers
        func stage(_ start: Int, _ end: Int) throws -> StageExecutor {
            try StageExecutor(
                model: tiny.model, layers: LayerRange(start, end), threads: 1, kvBudgetBytes: 1 << 20, maxRows: 200,
                kvType: kvType)
        }
        let prompt = tiny.prompt(150)
        let source = try stage(0, 8)
        let producer = Pipeline(stages: [source])
        let consumer = Pipeline(stages: [try stage(0, cut), try stage(cut, 8)])
        try consumer.open("other")
        _ = try consumer.feed(tiny.prompt(180, seed: 3), to: "other")
        for stage in consumer.stages { stage.close("other") }
        try producer.open("s")
        try consumer.open("s")
        var sent = 0
        for start in stride(from: 0, to: prompt.count, by: 32) {
            let positions = start..<min(start + 32, prompt.count)
            _ = try producer.feed(Array(prompt[positions]), to: "s", from: start)
            for target in consumer.stages {
                for piece in tiny.model.description.handedOver(
                    target.layers, before: positions.upperBound, of: prompt.count)
                {
                    let bytes = try source.cache.exportKV("s", layers: piece, positions: positions)
                    try target.cache.importKV("s", layers: piece, positions: positions, bytes: bytes)
                    sent += bytes.count
                }
            }
        }
        #expect(sent < source.cache.transferBytes(layers: layers, positions: 0..<prompt.count) * 2 / 3)
        for stage in consumer.stages { #expect(stage.cache.length(of: "s") == prompt.count) }
        for (index, token) in tiny.prompt(70, seed: 5).enumerated() {
            let position = prompt.count + index
            let expected = try producer.feed([token], to: "s", from: position)
            #expect(bits(try consumer.feed([token], to: "s", from: position)) == bits(expected))
        }
        // A whole pipeline in one process, opened with the type, gives the same.
        let whole = try ModelFile(gguf: tiny.model.gguf, kvType: kvType)
        let reference = try StageExecutor(
            model: whole, layers: layers, threads: 1, kvBudgetBytes: 1 << 20, maxRows: 200)
        try reference.open("s")
        let expected = try Pipeline(stages: [reference]).feed(prompt + [7], to: "s")
        try producer.open("t")
        #expect(bits(try producer.feed(prompt + [7], to: "t")) == bits(expected))
    }

    /// A cache takes what another type stored, with no more loss than that of the coarser type.
    @Test func typesAreConverted() throws {
        let options = TinyModel(format: .f32, headDim: 32)
        let exact = try TinyStages(options)
        let coarse = try TinyStages(options, kvType: .q8_0)
        let prompt = exact.prompt(45)
        let exactCache = try exact.executor()
        let source = Pipeline(stages: [exactCache])
        try source.open("s")
        _ = try source.feed(prompt, to: "s")
        let layers = exact.model.description.allLayers
        let halves = try exactCache.cache.exportKV("s", layers: layers, positions: 0..<45)
        let eights = try exactCache.cache.exportKV("s", layers: layers, positions: 0..<45, type: .q8_0)
        #expect(eights.count * 64 == halves.count * 34)

        // f16 into a Q8_0 cache stores what the sender would have made of it.
        let coarseCache = try coarse.executor().cache
        try coarseCache.open("s")
        try coarseCache.importKV("s", layers: layers, positions: 0..<45, bytes: halves, type: .f16)
        #expect(try coarseCache.exportKV("s", layers: layers, positions: 0..<45) == eights)

        // Q8_0 into an f16 cache.
        let target = try exact.executor()
        try target.open("s")
        try target.cache.importKV("s", layers: layers, positions: 0..<45, bytes: eights, type: .q8_0)
        let expected = try source.feed([9], to: "s", from: 45)
        let moved = try Pipeline(stages: [target]).feed([9], to: "s", from: 45)
        #expect(relativeError(moved, expected) < 0.03)
        #expect(bits(moved) != bits(expected))
    }

    @Test func q8NeedsWholeBlocksOfComponents() throws {
        #expect(throws: InferenceError.self) { try TinyStages(TinyModel(headDim: 16), kvType: .q8_0) }
        let cache = try KVCache(
            layers: LayerRange(0, 1), shape: KVShape(kvHeads: 1, headDim: 16), budgetBytes: 1 << 16)
        try cache.open("s")
        #expect(throws: InferenceError.self) {
            try cache.importKV("s", layers: LayerRange(0, 1), positions: 0..<1, bytes: [], type: .q8_0)
        }
    }

    @Test func lengthGrowsWithWhatAllLayersHold() throws {
        let cache = try KVCache(layers: LayerRange(2, 5), shape: KVShape(kvHeads: 2, headDim: 16), budgetBytes: 1 << 20)
        try cache.open("s")
        func load(_ layers: LayerRange, _ positions: Range<Int>) throws {
            let bytes = [UInt8](repeating: 1, count: cache.transferBytes(layers: layers, positions: positions))
            try cache.importKV("s", layers: layers, positions: positions, bytes: bytes)
        }
        try load(LayerRange(2, 4), 0..<10)
        #expect(cache.length(of: "s") == 0)
        try load(LayerRange(4, 5), 4..<20)
        #expect(cache.length(of: "s") == 0)
        try load(LayerRange(4, 5), 0..<4)
        #expect(cache.length(of: "s") == 10)
        try load(LayerRange(2, 4), 10..<20)
        #expect(cache.length(of: "s") == 20)
        try load(LayerRange(2, 5), 20..<33)
        #expect(cache.length(of: "s") == 33)
    }

    @Test func wireLayoutIsAsDocumented() throws {
        let cache = try KVCache(layers: LayerRange(1, 3), shape: KVShape(kvHeads: 2, headDim: 8), budgetBytes: 1 << 20)
        try cache.open("s")
        // Element number as its value, in wire order: [layer][K|V][head][position][component].
        let elements = (0..<UInt16(2 * 2 * 2 * 40 * 8)).map { $0 }
        let wire = elements.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        try cache.importKV("s", layers: LayerRange(1, 3), positions: 0..<40, bytes: wire)
        #expect(try cache.exportKV("s", layers: LayerRange(1, 3), positions: 0..<40) == wire)
        let piece = try cache.exportKV("s", layers: LayerRange(2, 3), positions: 31..<33)
        var expected: [UInt8] = []
        for part in 0..<2 {
            for head in 0..<2 {
                for position in 31..<33 {
                    for component in 0..<8 {
                        let value = ((((1 * 2 + part) * 2 + head) * 40) + position) * 8 + component
                        expected += [UInt8(truncatingIfNeeded: value), UInt8(value >> 8)]
                    }
                }
            }
        }
        #expect(piece == expected)
    }

    @Test func wrongPiecesAreRefused() throws {
        let cache = try KVCache(layers: LayerRange(0, 2), shape: KVShape(kvHeads: 1, headDim: 8), budgetBytes: 1 << 16)
        try cache.open("s")
        let bytes = [UInt8](repeating: 0, count: 2 * 1 * 8 * 2 * 4)
        #expect(throws: InferenceError.self) {
            try cache.importKV("s", layers: LayerRange(0, 1), positions: 0..<5, bytes: bytes)
        }
        #expect(throws: InferenceError.self) {
            try cache.importKV("s", layers: LayerRange(1, 3), positions: 0..<2, bytes: bytes)
        }
        #expect(throws: InferenceError.self) {
            try cache.importKV("s", layers: LayerRange(0, 1), positions: -4..<0, bytes: bytes)
        }
        #expect(throws: InferenceError.self) {
            try cache.importKV("x", layers: LayerRange(0, 1), positions: 0..<4, bytes: bytes)
        }
        #expect(throws: InferenceError.self) {
            let far = Int.max - 4
            try cache.importKV("s", layers: LayerRange(0, 1), positions: far..<far + 4, bytes: bytes)
        }
        #expect(throws: InferenceError.self) {
            try cache.exportKV("s", layers: LayerRange(0, 1), positions: 0..<1)
        }
        #expect(cache.length(of: "s") == 0)
        #expect(cache.freeTokens == cache.capacityTokens)
    }
}
