import ArgumentParser
import Domain
import Foundation
import Inference

/// `e2llm perplexity`: how well a model predicts a text.
struct PerplexityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "perplexity", abstract: "Measures how well a model predicts a text, in one process.",
        discussion: """
            The text is cut into chunks of --context tokens, each with BOS in front where the model adds one; the second \
            half of each chunk is scored. This is the definition of llama.cpp's perplexity tool.
            """)

    @Option(help: "The GGUF file.") var model: String
    @Option(help: "A text in UTF-8.") var file: String
    @Option(help: "Tokens of a chunk.") var context: Int = 512
    @Option(help: "Most chunks to use; default: all.") var chunks: Int?
    @Option(help: "Compute threads; default: all processors.") var threads: Int?
    @Option(help: "How keys and values are kept: f16 or q8_0.") var kvType: KVType = .f16
    @Option(help: "Write the scored rows' logits to this file (f32; see ScoredLogitsLayout for the header).")
    var logits: String?
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await Failure.reporting {
            let threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
            guard (1...256).contains(threads) else {
                throw Failure(.usage, "--threads must be 1 to 256, not \(threads)")
            }
            guard context >= 4 else { throw Failure(.usage, "--context must be at least 4, not \(context)") }
            guard chunks ?? 1 >= 1 else { throw Failure(.usage, "--chunks must be at least 1") }
            let text = try PerplexityText.read(file)
            try InstructionSet.choose()
            let modelFile: ModelFile
            let tokenizer: Tokenizer
            do {
                modelFile = try ModelFile(path: model, kvType: kvType)
                tokenizer = try Tokenizer(gguf: modelFile.gguf)
            } catch {
                throw Failure(.failed, "\(model): \(error)")
            }
            let measurement = Perplexity(threads: threads, context: context, chunks: chunks)
            let sequences: [[Int32]]
            do {
                sequences = try measurement.sequences(
                    tokens: tokenizer.encode(text, addSpecial: true, parseSpecial: false),
                    beginToken: tokenizer.addsBosToken ? tokenizer.bosToken : nil, model: modelFile.configuration)
            } catch let error as InferenceError {
                throw Failure(.usage, "\(file): \(error.message)")
            }
            let output = try logits.map {
                try LogitsFile(
                    path: $0,
                    layout: ScoredLogitsLayout(
                        vocabulary: modelFile.configuration.vocabulary, perplexity: measurement, sequences: sequences))
            }
            let figures = try measurement.run(model: modelFile, sequences: sequences) { row, values in
                try output?.write(row, values)
            }
            try output?.close()
            if json { return try JSONOutput.print(figures) }
            print(
                TextTable.format([
                    ["perplexity", String(format: "%.4f +/- %.4f", figures.perplexity, figures.standardError)],
                    ["nll", String(format: "%.5f per token", figures.nll)],
                    ["scored", "\(figures.tokens) tokens in \(figures.chunks) chunks of \(figures.context)"],
                    ["time", String(format: "%.2f s", figures.seconds)],
                ]))
        }
    }
}
