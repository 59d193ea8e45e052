import ArgumentParser
import Experiments
import Foundation

/// `e2llm experiment paper`: the table of the E2LLM paper, simulated.
struct PaperExperimentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "paper",
        abstract: "Simulates the paper's devices, workloads and systems, and compares the figures with the paper's.")

    @Option(help: "The folder for paper.json, paper.csv and paper.md.") var output: String
    @Option(help: "Requests of a cell.") var requests = 100
    @Option(help: "Decides lengths and searches.") var seed: UInt64 = 1
    @Option(help: "How many times as slow as public measurements say; may be repeated.") var slowdown: [Double] = []
    @Flag(help: "Only the table: no other settings beside it, no capacities.") var quick = false
    @Flag(help: "Print the values as JSON instead of the report.") var json = false

    func run() async throws {
        try await Failure.reporting {
            let folder = URL(fileURLWithPath: output)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let start = ContinuousClock.now
            let result: PaperResult
            do {
                result = try PaperExperiment(settings).run {
                    start.duration(to: .now) / .seconds(1)
                } progress: { progress in
                    Self.tell("\r[\(progress.done)/\(progress.total)] \(progress.last)\u{1b}[K")
                }
            } catch let error as ExperimentError {
                throw Failure(.usage, error.message)
            }
            Self.tell("\n")
            let values = try result.json()
            let report = PaperReport(result).markdown
            try Data(values).write(to: folder.appending(path: "paper.json"), options: .atomic)
            try Data(result.csv.utf8).write(to: folder.appending(path: "paper.csv"), options: .atomic)
            try Data(report.utf8).write(to: folder.appending(path: "paper.md"), options: .atomic)
            print(json ? String(decoding: values, as: UTF8.self) : report, terminator: "")
        }
    }

    private var settings: PaperSettings {
        var settings = PaperSettings(requests: requests, seed: seed)
        if !slowdown.isEmpty { settings.slowdowns = slowdown }
        settings.hasVariations = !quick
        settings.hasCapacities = !quick
        return settings
    }

    private static func tell(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
