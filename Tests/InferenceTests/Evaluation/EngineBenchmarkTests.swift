import Domain
import Foundation
import Inference
import TestSupport
import Testing

@Suite struct EngineBenchmarkTests {
    @Test func figuresBelongTogether() throws {
        let tiny = try TinyStages(TinyModel(format: .q4_1))
        let benchmark = EngineBenchmark(
            threads: 2, promptTokens: 70, generatedTokens: 4, batches: [1, 3], context: 40, stepTokens: 32,
            repetitions: 2)
        let figures = try benchmark.run(model: tiny.model, loadSeconds: 1)
        #expect(figures.threads == 2)
        #expect(figures.types["Q4_1", default: 0] > figures.types["F32", default: 0])
        #expect(figures.loadSeconds > 1)
        #expect(figures.weightBytes > 10_000 && figures.weightBytes < 1_000_000)
        #expect(figures.kvBytes >= 3 * 44 * 4 * tiny.model.configuration.kvShape.bytesPerTokenPerLayer())
        #expect(figures.peakResidentBytes > figures.weightBytes)
        #expect(figures.peakGMACs > 0.01 && figures.readGBPerSecond > 0.01)
        let rate = try #require(figures.prefillTokensPerSecond)
        let seconds = try #require(figures.prefillSeconds)
        #expect(abs(rate * seconds - 70) < 1e-6)
        let share = try #require(figures.prefillShareOfPeak)
        #expect(share > 0 && share < 1.5)
        #expect(figures.decode.map(\.batch) == [1, 3])
        for entry in figures.decode {
            #expect(entry.context == 40)
            #expect(abs(entry.tokensPerSecond * entry.seconds - Double(4 * entry.batch)) < 1e-6)
            #expect(abs(entry.stepMilliseconds * 4 / 1e3 - entry.seconds) < 1e-9)
            #expect(entry.shareOfRead > 0 && entry.shareOfPeak > 0)
        }
        #expect(figures.matrices == nil)
    }

    @Test func partsCanBeLeftOut() throws {
        let tiny = try TinyStages()
        let prefill = try EngineBenchmark(threads: 1, promptTokens: 5, generatedTokens: 0).run(model: tiny.model)
        #expect(prefill.decode.isEmpty && prefill.prefillSeconds != nil)
        let decode = try EngineBenchmark(threads: 1, promptTokens: 0, generatedTokens: 1, batches: [2]).run(
            model: tiny.model)
        #expect(decode.prefillTokensPerSecond == nil && decode.decode.map(\.context) == [EngineBenchmark.shortContext])
    }

    @Test func everyShapeOfTheModelIsMeasured() throws {
        let tiny = try TinyStages(TinyModel(format: .q8_0))
        let benchmark = EngineBenchmark(
            threads: 1, promptTokens: 0, generatedTokens: 0, repetitions: 1, matrices: true)
        let matrices = try #require(try benchmark.run(model: tiny.model).matrices)
        let sizes = tiny.model.configuration
        let shapes = Set(matrices.map { [$0.outputs, $0.inputs] })
        #expect(
            shapes == [
                [sizes.queryWidth, sizes.hidden], [sizes.kvWidth, sizes.hidden], [sizes.feedForward, sizes.hidden],
                [sizes.hidden, sizes.feedForward], [sizes.vocabulary, sizes.hidden],
            ])
        #expect(matrices.count == 4 * 9 + 6)
        #expect(matrices.allSatisfy { $0.type == "Q8_0" && $0.gmacs > 0 && $0.weightGBPerSecond > 0 })
    }

    @Test func namesInJSONCarryUnits() throws {
        let tiny = try TinyStages()
        let figures = try EngineBenchmark(threads: 1, promptTokens: 4, generatedTokens: 1, batches: [1]).run(
            model: tiny.model)
        let data = try JSONEncoder().encode(figures)
        let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        for key in ["prefill_tokens_per_s", "peak_gmacs", "read_gb_per_s", "peak_rss_bytes", "isa", "weights_bytes"] {
            #expect(object[key] != nil, "\(key)")
        }
        let decode = try #require(object["decode"] as? [[String: Any]])
        #expect(decode.first?["batch"] as? Int == 1)
        #expect(decode.first?["tokens_per_s"] is Double)
        #expect(try JSONDecoder().decode(EngineFigures.self, from: data) == figures)
    }

    @Test(arguments: [
        EngineBenchmark(threads: 0), EngineBenchmark(threads: 1, promptTokens: -1),
        EngineBenchmark(threads: 1, promptTokens: 513), EngineBenchmark(threads: 1, generatedTokens: -1),
        EngineBenchmark(threads: 1, promptTokens: 0, generatedTokens: 0), EngineBenchmark(threads: 1, batches: []),
        EngineBenchmark(threads: 1, batches: [0]), EngineBenchmark(threads: 1, batches: [513]),
        EngineBenchmark(threads: 1, context: 0), EngineBenchmark(threads: 1, context: 500),
        EngineBenchmark(threads: 1, context: Int.max), EngineBenchmark(threads: 1, generatedTokens: Int.max),
        EngineBenchmark(threads: 1, stepTokens: 0), EngineBenchmark(threads: 1, repetitions: 0),
    ]) func wrongOptionsAreRefused(_ benchmark: EngineBenchmark) throws {
        let tiny = try TinyStages()
        #expect(throws: InferenceError.self) { try benchmark.run(model: tiny.model) }
    }
}
