import ArgumentParser
import Experiments
import Foundation

/// `e2llm experiment paper`: the table of the E2LLM paper, simulated.
struct PaperExperimentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "paper",
        abstract: "Simulates the paper's devices, workloads and systems, and compares the figures with the paper's.")

    @Option(help: "The folder for the report (JSON, CSV, Markdown, HTML and SVG).") var output: String
    @Option(help: "Requests of a cell.") var requests = 100
    @Option(help: "Decides lengths and searches.") var seed: UInt64 = 1
    @Option(help: "How many times as slow as public measurements say; may be repeated.") var slowdown: [Double] = []
    @Flag(help: "Only the table: no other settings beside it, no capacities.") var quick = false
    @Flag(help: "Print the values as JSON instead of the report.") var json = false

    func run() async throws {
        try await Failure.reporting {
            let folder = try ExperimentFolder(output)
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
            let report = PaperReport(result)
            try folder.write("paper.json", values)
            try folder.write("paper.csv", Array(result.csv.utf8))
            try folder.write("paper.md", Array(report.markdown.utf8))
            try folder.write("paper.html", Array(report.html.utf8))
            for picture in report.pictures { try folder.write("paper-\(picture.name).svg", Array(picture.svg.utf8)) }
            print(json ? String(decoding: values, as: UTF8.self) : report.markdown, terminator: "")
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
