import Domain
import Foundation
import Inference
import TestSupport
import Testing

/// Logits of tiny f32 models of every architecture against llama.cpp (`Tests/Fixtures/golden/make_tiny_golden.py`).
@Suite struct TinyGoldenTests {
    struct Golden: Decodable {
        var tokens: [Int32]
        /// Logits after these numbers of tokens.
        var lengths: [Int]
        var logits: [[Float]]
    }

    /// Gemma 3 has seven layers, so that one of them sees the whole context, and a prompt longer than its window.
    static let models: [(name: String, model: TinyModel)] = [
        ("llama", TinyModel(format: .f32, tiedHead: false, ropeFactors: true, seed: 41)),
        ("qwen2", TinyModel(architecture: .qwen2, format: .f32, seed: 42)),
        ("qwen3", TinyModel(architecture: .qwen3, format: .f32, headDim: 32, seed: 43)),
        (
            "gemma3",
            TinyModel(architecture: .gemma3, format: .f32, layers: 7, heads: 2, kvHeads: 1, headDim: 64, seed: 44)
        ),
    ]

    private static var folder: URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../Fixtures/golden")
    }

    @Test(arguments: models.map(\.name)) func logitsAreThoseOfLlamaCpp(name: String) throws {
        let file = Self.folder.appendingPathComponent("tiny.json")
        let all = try JSONDecoder().decode([String: Golden].self, from: Data(contentsOf: file))
        let golden = try #require(all[name])
        let options = try #require(Self.models.first { $0.name == name }).model
        let pipeline = Pipeline(stages: [try TinyStages(options).executor()])
        try pipeline.open("s")
        var position = 0
        for (length, expected) in zip(golden.lengths, golden.logits) {
            let logits = try pipeline.feed(
                Array(golden.tokens[position..<length]), to: "s", from: position)
            position = length
            let error = relativeError(logits, expected)
            // Both keep keys and values as f16 and compute in f32.
            #expect(error < 2e-3, "\(name), \(length) tokens: \(error)")
        }
    }

    /// Writes the models for the script that makes the fixture.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["E2LLM_TINY_MODELS"] != nil, "only to make the fixture"))
    func writesTheModels() throws {
        let folder = try #require(ProcessInfo.processInfo.environment["E2LLM_TINY_MODELS"])
        for (name, model) in Self.models { try model.write(to: "\(folder)/\(name).gguf") }
    }
}
