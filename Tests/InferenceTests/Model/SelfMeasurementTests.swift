import Domain
import Inference
import TestSupport
import Testing

@Suite struct SelfMeasurementTests {
    private func measure(_ tiny: TinyStages, share: Double = 1) throws -> DeviceMeasurements {
        let plan = SelfMeasurement(
            threads: 1, computeShare: share, prefillTokens: [64, 16, 4096], decodeBatches: [1, 4],
            decodeContexts: [32, 256, 1024], headRows: [4, 1], budgetSeconds: 0.2)
        return try plan.run(model: tiny.model, memoryUsableBytes: 77)
    }

    @Test func measuresThePointsThatFitTheModel() throws {
        let result = try measure(try TinyStages())
        #expect(result.memoryUsableBytes == 77)
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

    @Test func sharesMustMakeSense() throws {
        let tiny = try TinyStages()
        for share in [0, -1, 1.5, .nan] {
            #expect(throws: InferenceError.self) { try measure(tiny, share: share) }
        }
    }
}
