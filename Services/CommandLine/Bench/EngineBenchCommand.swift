import ArgumentParser
import Domain
import Foundation
import Inference

/// `e2llm bench engine`: prefill and decode of the whole model beside the limits of the machine.
struct EngineBenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "engine", abstract: "Measures prefill and decode of a model beside the limits of this machine.",
        discussion: """
            Prefill is one sequence in steps of --step tokens; the LM head runs for its last token only. Decode is \
            --generate steps of --batch sequences that each hold --context tokens; the LM head is part of every step. \
            Tokens are random; choosing tokens is not part of the times.
            """)

    @Option(help: "The GGUF file.") var model: String
    @Option(help: "Compute threads; default: all processors.") var threads: Int?
    @Option(help: "Tokens of the prompt; 0 measures no prefill.") var prompt: Int = 512
    @Option(help: "Decode steps; 0 measures no decode.") var generate: Int = 32
    @Option(help: "Sequences that decode together, one measurement for each number.") var batch: BatchList = [1, 8, 16]
    @Option(help: "Tokens that each sequence holds before decode; 0 or none: a short prompt.") var context: Int = 0
    @Option(help: "Most tokens of one step.") var step: Int = 512
    @Option(help: "Repetitions after a warm-up; the median counts.") var repetitions: Int = 3
    @Option(help: "How keys and values are kept: f16 or q8_0.") var kvType: KVType = .f16
    @Option(help: "Chooses the random tokens.") var seed: UInt64 = 1
    @Flag(help: "Also measure the matrix product alone at the model's shapes.") var kernel = false
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await Failure.reporting {
            let benchmark = try benchmark()
            try InstructionSet.choose()
            let started = Date()
            let file: ModelFile
            do {
                file = try ModelFile(path: model, kvType: kvType)
            } catch {
                throw Failure(.failed, "\(model): \(error)")
            }
            let figures: EngineFigures
            do {
                figures = try benchmark.run(model: file, loadSeconds: Date().timeIntervalSince(started))
            } catch let error as InferenceError where error.code == .invalidInput {
                throw Failure(.usage, error.message)
            }
            let report = EngineReport(figures: figures, file: model, time: started)
            if json { return try JSONOutput.print(report) }
            print(report.text)
        }
    }

    /// What the options ask for; what depends on the model is checked by the benchmark.
    func benchmark() throws -> EngineBenchmark {
        let threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
        guard (1...256).contains(threads) else { throw Failure(.usage, "--threads must be 1 to 256, not \(threads)") }
        guard prompt >= 0 else { throw Failure(.usage, "--prompt must not be negative, it is \(prompt)") }
        guard generate >= 0 else { throw Failure(.usage, "--generate must not be negative, it is \(generate)") }
        guard context >= 0 else { throw Failure(.usage, "--context must not be negative, it is \(context)") }
        guard prompt > 0 || generate > 0 || kernel else {
            throw Failure(.usage, "--prompt 0 and --generate 0 leave nothing to measure")
        }
        guard (1...1000).contains(repetitions) else {
            throw Failure(.usage, "--repetitions must be 1 to 1000, not \(repetitions)")
        }
        guard (1...4096).contains(step) else { throw Failure(.usage, "--step must be 1 to 4096, not \(step)") }
        if let wrong = batch.sizes.first(where: { $0 > step }) {
            throw Failure(.usage, "--batch \(wrong) exceeds the \(step) rows of a step (--step)")
        }
        return EngineBenchmark(
            threads: threads, promptTokens: prompt, generatedTokens: generate, batches: batch.sizes,
            context: context == 0 ? nil : context, stepTokens: step, repetitions: repetitions, matrices: kernel,
            seed: seed)
    }
}

/// Batch sizes as an argument: `1,8,16`.
struct BatchList: ExpressibleByArgument, ExpressibleByArrayLiteral {
    let sizes: [Int]

    init(arrayLiteral elements: Int...) { sizes = elements }

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map {
            Int($0.trimmingCharacters(in: .whitespaces))
        }
        let sizes = parts.compactMap { $0 }.filter { $0 >= 1 }
        guard sizes.count == parts.count else { return nil }
        self.sizes = sizes
    }

    var defaultValueDescription: String { sizes.map(String.init).joined(separator: ",") }
}
