import Domain
import Foundation
import Inference
import Testing

/// Logits of the real model against an independent f32 implementation (`Tests/Fixtures/golden/make_golden.py`).
@Suite(.enabled(if: RealModel.path != nil, "set E2LLM_TEST_MODEL to SmolLM2-135M-Instruct Q4_1 (GGUF)"))
struct GoldenLogitsTests {
    struct Golden: Decodable {
        struct Pair: Decodable {
            var token: Int32
            var logit: Float
        }
        struct Case: Decodable {
            var name: String
            var text: String
            var tokens: [Int32]
            var top: [Pair]
            var sample_stride: Int
            var sample_logits: [Float]
            var greedy: [Int32]
            var greedy_margins: [Float]
        }
        var model_sha256: String
        var cases: [Case]
    }

    private static func golden() throws -> Golden {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "../../Fixtures/golden/smollm2-135m-instruct-q4_1.json")
        return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: file))
    }

    /// Activations are 8 bits wide, so logits differ by that quantisation. A simulation of it in numpy gives 0.13...0.17 rms
    /// around a common offset of all logits, which changes no probability and varies from 0.05 to 0.45.
    private static let rmsTolerance: Float = 0.22
    private static let offsetTolerance: Float = 0.6
    /// A greedy choice with a smaller margin than this in f32 may fall the other way.
    private static let marginTolerance: Float = 0.8

    @Test func logitsAreCloseToF32() throws {
        let model = try ModelFile(path: try #require(RealModel.path))
        let executor = try StageExecutor(
            model: model, layers: model.description.allLayers, threads: 2, kvBudgetBytes: 64 << 20, maxRows: 128)
        for golden in try Self.golden().cases {
            try executor.open("golden")
            defer { executor.close("golden") }
            let entry = StageEntry(
                sequence: "golden", startPosition: 0, rows: golden.tokens.count, wantsLogits: true)
            _ = try executor.step(StageBatch(entries: [entry], input: .tokens(golden.tokens)))
            try executor.withLogits(0) { logits in
                let differences = golden.sample_logits.enumerated().map { index, expected in
                    logits[index * golden.sample_stride] - expected
                }
                let offset = differences.reduce(0, +) / Float(differences.count)
                let squares = differences.reduce(0) { $0 + ($1 - offset) * ($1 - offset) }
                let rms = (squares / Float(differences.count)).squareRoot()
                #expect(rms < Self.rmsTolerance, "\(golden.name): rms \(rms), offset \(offset)")
                #expect(abs(offset) < Self.offsetTolerance, "\(golden.name): rms \(rms), offset \(offset)")
                for pair in golden.top {
                    let difference = logits[Int(pair.token)] - offset - pair.logit
                    #expect(abs(difference) < 1, "\(golden.name): token \(pair.token)")
                }
                if golden.greedy_margins[0] > Self.marginTolerance {
                    #expect(Sampler.greedy(logits) == golden.top[0].token, "\(golden.name)")
                }
            }
        }
    }

    /// Greedy text agrees with f32 as long as the choices are clear, and the text as a whole makes sense.
    @Test func greedyTextAgrees() throws {
        let model = try ModelFile(path: try #require(RealModel.path))
        let generator = try Generator(model: model, threads: 2, contextTokens: 256)
        for golden in try Self.golden().cases {
            let result = try generator.generate(
                prompt: golden.tokens, sampling: SamplingParameters(temperature: 0),
                stop: StopConditions(maxTokens: golden.greedy.count))
            for (index, expected) in golden.greedy.enumerated() {
                if result.tokens[index] != expected {
                    #expect(golden.greedy_margins[index] < Self.marginTolerance, "\(golden.name), token \(index)")
                    break
                }
            }
        }
    }
}
