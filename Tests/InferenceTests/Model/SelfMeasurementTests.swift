import Domain
import TestSupport
import Testing

@testable import Inference

@Suite struct SelfMeasurementTests {
    private func measure(_ tiny: TinyStages, share: Double = 1, memory: Int = 1 << 30) throws -> DeviceMeasurements {
        let plan = SelfMeasurement(
            threads: 1, computeShare: share, prefillTokens: [64, 16, 4096], decodeBatches: [1, 4],
            decodeContexts: [32, 256, 1024], headRows: [4, 1], budgetSeconds: 0.2)
        return try plan.run(model: tiny.model, memoryUsableBytes: memory)
    }

    @Test func measuresThePointsThatFitTheModel() throws {
        let result = try measure(try TinyStages())
        #expect(result.memoryUsableBytes == 1 << 30)
        #expect(result.prefill.map(\.tokens) == [16, 64])
        #expect(result.decode.map(\.batch) == [1, 1, 4, 4])
        #expect(result.decode.map(\.context) == [32, 256, 32, 256])
        #expect(result.head.map(\.rows) == [1, 4])
        let times = result.prefill.map(\.secondsPerLayer) + result.decode.map(\.secondsPerLayer)
        #expect((times + result.head.map(\.seconds)).allSatisfy { $0 > 0 && $0 < 1 })
        #expect(result.prefill[1].secondsPerLayer > result.prefill[0].secondsPerLayer)
    }

    @Test func aModelOfOneLayerCanBeMeasured() throws {
        let result = try measure(try TinyStages(TinyModel(layers: 1, contextLength: 48)))
        #expect(result.prefill.map(\.tokens) == [16])
        #expect(result.decode.map(\.context) == [32, 32])
    }

    @Test func littleMemoryLeavesLongContextsOut() throws {
        let tiny = try TinyStages()
        #expect(try measure(tiny, memory: 77).decode.map(\.batch) == [1])
    }

    @Test func layersComeFromMemory() {
        func layers(_ model: Int, _ bytes: Int, cache: Int, memory: Int = 1 << 40) -> Int {
            WorkingSet.layers(least: 2, of: model, bytesPerLayer: bytes, cacheBytes: cache, memoryBytes: memory)
        }
        #expect(layers(30, 2_200_000, cache: 32 << 20) == 30)
        #expect(layers(80, 2_200_000, cache: 32 << 20) == 31)
        #expect(layers(80, 200_000_000, cache: 32 << 20) == 2)
        #expect(layers(1, 200_000_000, cache: 32 << 20) == 1)
        // A quarter of the memory, but never less than is asked for.
        #expect(layers(30, 2_000_000, cache: 32 << 20, memory: 40_000_000) == 5)
        #expect(layers(30, 2_000_000, cache: 32 << 20, memory: 1) == 2)
        #expect(WorkingSet.cacheBytes() > 0)
    }

    @Test func whatSaysMostIsMeasuredFirst() {
        let points = DecodePoint.inOrder(batches: [1, 2, 4, 8], contexts: [32, 256, 1024])
        #expect(Set(points).count == 12)
        #expect(points.prefix(4).map(\.batch) == [1, 8, 1, 8])
        #expect(points.prefix(4).map(\.context) == [32, 32, 1024, 1024])
        #expect(DecodePoint.inOrder(batches: [4], contexts: [32]) == [DecodePoint(batch: 4, context: 32)])
        #expect(DecodePoint.inOrder(batches: [], contexts: [32]).isEmpty)
    }

    @Test func sharesMustMakeSense() throws {
        let tiny = try TinyStages()
        for share in [0, -1, 1.5, .nan] {
            #expect(throws: InferenceError.self) { try measure(tiny, share: share) }
        }
    }
}
