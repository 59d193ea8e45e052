import Domain
import Foundation
import Inference
import TestSupport
import Testing

@Suite struct PerplexityTests {
    /// Mean negative log likelihood by definition: every prefix on its own, softmax in double precision.
    private func direct(_ tiny: TinyStages, _ sequences: [[Int32]], scored: Range<Int>) throws -> Double {
        var sum = 0.0
        var count = 0
        for (chunk, tokens) in sequences.enumerated() {
            let pipeline = Pipeline(stages: [try tiny.executor()])
            for position in scored {
                let name = RequestID("\(chunk)-\(position)")
                try pipeline.open(name)
                let logits = try pipeline.feed(Array(tokens[...position]), to: name).map(Double.init)
                for stage in pipeline.stages { stage.close(name) }
                let best = try #require(logits.max())
                let total = logits.reduce(0) { $0 + exp($1 - best) }
                sum += best + log(total) - logits[Int(tokens[position + 1])]
                count += 1
            }
        }
        return sum / Double(count)
    }

    @Test(arguments: [TinyModel(), TinyModel(format: .q8_0, tiedHead: false, seed: 3)], [8, 33])
    func equalsTheDefinition(_ options: TinyModel, context: Int) throws {
        let tiny = try TinyStages(options)
        let measurement = Perplexity(threads: 2, context: context, batch: 2)
        let sequences = try measurement.sequences(
            tokens: tiny.prompt(3 * context + 5), beginToken: 1, model: tiny.model.configuration)
        #expect(sequences.count == 3)
        let figures = try measurement.run(model: tiny.model, sequences: sequences)
        let expected = try direct(tiny, sequences, scored: context / 2..<context - 1)
        #expect(abs(figures.nll - expected) < 1e-5)
        #expect(abs(figures.perplexity - exp(expected)) < 1e-3 * exp(expected))
        #expect(figures.tokens == 3 * (context - 1 - context / 2))
        #expect(figures.chunks == 3)
        #expect(figures.standardError > 0)
    }

    @Test func chunksTogetherOrAloneAreTheSame() throws {
        let tiny = try TinyStages(TinyModel(format: .q4_1))
        var figures: [PerplexityFigures] = []
        for (batch, threads) in [(1, 1), (2, 2), (16, 1)] {
            let measurement = Perplexity(threads: threads, context: 40, batch: batch)
            let sequences = try measurement.sequences(
                tokens: tiny.prompt(200), beginToken: nil, model: tiny.model.configuration)
            figures.append(try measurement.run(model: tiny.model, sequences: sequences))
        }
        #expect(Set(figures.map { ($0.nll * 1e9).rounded() }).count == 1)
    }

    @Test func chunksBeginWithTheBeginToken() throws {
        let tiny = try TinyStages()
        let tokens = tiny.prompt(50)
        let measurement = Perplexity(threads: 1, context: 20, chunks: 5)
        let with = try measurement.sequences(tokens: tokens, beginToken: 7, model: tiny.model.configuration)
        #expect(with == [[7] + tokens[1..<20], [7] + tokens[21..<40]])
        let without = try measurement.sequences(tokens: tokens, beginToken: nil, model: tiny.model.configuration)
        #expect(without == [Array(tokens[0..<20]), Array(tokens[20..<40])])
        let one = Perplexity(threads: 1, context: 20, chunks: 1)
        #expect(try one.sequences(tokens: tokens, beginToken: nil, model: tiny.model.configuration).count == 1)
    }

    @Test func wrongOptionsAreRefused() throws {
        let tiny = try TinyStages()
        let sizes = tiny.model.configuration
        let tokens = tiny.prompt(100)
        for context in [0, 3, 101, 513] {
            #expect(throws: InferenceError.self) {
                try Perplexity(threads: 1, context: context).sequences(tokens: tokens, beginToken: nil, model: sizes)
            }
        }
        #expect(throws: InferenceError.self) {
            try Perplexity(threads: 1, context: 20, chunks: 0).sequences(tokens: tokens, beginToken: nil, model: sizes)
        }
        #expect(throws: InferenceError.self) {
            try Perplexity(threads: 1).sequences(tokens: [], beginToken: nil, model: sizes)
        }
        #expect(throws: InferenceError.self) {
            try Perplexity(threads: 0, context: 20).run(model: tiny.model, sequences: [Array(tokens[..<20])])
        }
    }

    @Test func theFileOfLogitsHoldsEveryRowOnce() throws {
        let tiny = try TinyStages()
        let vocabulary = tiny.model.configuration.vocabulary
        let measurement = Perplexity(threads: 1, context: 12)
        let sequences = try measurement.sequences(
            tokens: tiny.prompt(30), beginToken: nil, model: tiny.model.configuration)
        let layout = ScoredLogitsLayout(vocabulary: vocabulary, perplexity: measurement, sequences: sequences)
        #expect(layout.header.count == 32 + 2 * 12 * 4)
        #expect(Array(layout.header[..<8]) == Array("E2LOGITS".utf8))
        var offsets: [Int] = []
        _ = try measurement.run(model: tiny.model, sequences: sequences) { row, logits in
            offsets.append(layout.offset(of: row))
            #expect(logits.count == vocabulary)
        }
        #expect(offsets.sorted() == (0..<2 * 5).map { layout.header.count + $0 * vocabulary * 4 })
    }
}
