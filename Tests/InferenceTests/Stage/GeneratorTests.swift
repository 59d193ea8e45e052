import Domain
import Foundation
import Inference
import TestSupport
import Testing

@Suite struct GeneratorTests {
    private let greedy = SamplingParameters(temperature: 0)

    @Test func generatesWhatStepsByHandGive() throws {
        let tiny = try TinyStages()
        let prompt = tiny.prompt(20)
        let generator = try Generator(model: tiny.model, threads: 1, contextTokens: 128, maxRows: 7)
        let result = try generator.generate(prompt: prompt, sampling: greedy, stop: StopConditions(maxTokens: 12))
        #expect(result.finishReason == .length)

        let pipeline = Pipeline(stages: [try tiny.executor(0, 2), try tiny.executor(2)])
        try pipeline.open("s")
        var logits = try pipeline.feed(prompt, to: "s")
        var tokens: [Int32] = []
        while tokens.count < 12 {
            tokens.append(Sampler.greedy(logits.span))
            logits = try pipeline.feed([tokens[tokens.count - 1]], to: "s", from: 19 + tokens.count)
        }
        #expect(result.tokens == tokens)
        // A second prompt starts afresh.
        let again = try generator.generate(prompt: prompt, sampling: greedy, stop: StopConditions(maxTokens: 12))
        #expect(again == result)
    }

    @Test func seededSamplingRepeatsAndContinues() throws {
        let tiny = try TinyStages()
        let prompt = tiny.prompt(10)
        let generator = try Generator(model: tiny.model, threads: 1, contextTokens: 128)
        let sampling = SamplingParameters(temperature: 1.5, topK: 50, topP: 0.95, seed: 42)
        let whole = try generator.generate(prompt: prompt, sampling: sampling, stop: StopConditions(maxTokens: 20))
        // Continued after 8 tokens, as after a fault: the randomness depends only on the position.
        let rest = try generator.generate(
            prompt: prompt + whole.tokens[..<8], sampling: sampling, stop: StopConditions(maxTokens: 12))
        #expect(whole.tokens == whole.tokens[..<8] + rest.tokens)
        let other = SamplingParameters(temperature: 1.5, topK: 50, topP: 0.95, seed: 43)
        let different = try generator.generate(prompt: prompt, sampling: other, stop: StopConditions(maxTokens: 20))
        #expect(different != whole)
    }

    /// Every bit of the tensors set is NaN in every number format.
    @Test(arguments: [TinyModelFormat.f32, .q4_0])
    func aModelOfNaNIsAnErrorNotAText(format: TinyModelFormat) throws {
        let options = TinyModel(format: format)
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("nan-\(UUID().uuidString).gguf")
        defer { try? FileManager.default.removeItem(at: file) }
        try options.write(to: file.path)
        var bytes = try Data(contentsOf: file)
        let tensorBytes = options.tensors().reduce(0) { $0 + ($1.bytes.count + 31) / 32 * 32 }
        for index in (bytes.count - tensorBytes)..<bytes.count { bytes[index] = 0xFF }
        try bytes.write(to: file)
        let generator = try Generator(model: try ModelFile(path: file.path), threads: 1, contextTokens: 64)
        #expect {
            try generator.generate(prompt: [1, 2, 3], sampling: greedy, stop: StopConditions(maxTokens: 4))
        } throws: { ($0 as? InferenceError)?.code == .notFinite }
    }

    @Test func endsForEveryReason() throws {
        let tiny = try TinyStages()
        let prompt = tiny.prompt(10)
        let generator = try Generator(model: tiny.model, threads: 1, contextTokens: 32)
        let free = try generator.generate(prompt: prompt, sampling: greedy, stop: StopConditions(maxTokens: 100))
        #expect(free.finishReason == .length)
        #expect(free.tokens.count == 22)
        let stopToken = free.tokens[3]
        let first = (free.tokens.firstIndex(of: stopToken) ?? 0) + 1
        let stopped = try generator.generate(
            prompt: prompt, sampling: greedy, stop: StopConditions(maxTokens: 100, stopTokens: [stopToken]))
        #expect(stopped == GeneratedTokens(tokens: Array(free.tokens[..<first]), finishReason: .stop))
        let late = try generator.generate(
            prompt: prompt, sampling: greedy,
            stop: StopConditions(maxTokens: 100, minTokens: 100, stopTokens: [stopToken]))
        #expect(late == free)
        var seen = 0
        let aborted = try generator.generate(
            prompt: prompt, sampling: greedy, stop: StopConditions(maxTokens: 100)
        ) { _ in
            seen += 1
            return seen < 3
        }
        #expect(aborted == GeneratedTokens(tokens: Array(free.tokens[..<3]), finishReason: .abort))
        #expect(throws: InferenceError.self) {
            try generator.generate(prompt: [], sampling: greedy, stop: StopConditions(maxTokens: 1))
        }
        #expect(throws: InferenceError.self) {
            try generator.generate(prompt: tiny.prompt(32), sampling: greedy, stop: StopConditions(maxTokens: 1))
        }
    }
}
