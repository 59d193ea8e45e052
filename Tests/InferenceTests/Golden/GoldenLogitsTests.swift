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

    /// Activations are 8 bits wide: the error must be that of the quantisation (llama.cpp's own is 0.25...0.27 rms).
    private static let rmsTolerance: Float = 0.3
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
                var squares: Float = 0
                for (index, expected) in golden.sample_logits.enumerated() {
                    let difference = logits[index * golden.sample_stride] - expected
                    squares += difference * difference
                }
                let rms = (squares / Float(golden.sample_logits.count)).squareRoot()
                #expect(rms < Self.rmsTolerance, "\(golden.name): rms \(rms)")
                for pair in golden.top {
                    #expect(abs(logits[Int(pair.token)] - pair.logit) < 1.5, "\(golden.name): token \(pair.token)")
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
