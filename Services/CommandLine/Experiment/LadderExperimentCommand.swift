public import ArgumentParser
public import Experiments
import Foundation

extension LadderSettings.Size: ExpressibleByArgument {}

/// `e2llm experiment ladder`: E2LLM beside every baseline, simulated.
struct LadderExperimentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ladder",
        abstract: "Simulates generated fleets: what E2LLM and the baselines sustain, and how long requests wait.")

    @OptionGroup var choices: ExperimentChoices

    func run() async throws {
        try await Failure.reporting {
            let folder = try ExperimentFolder(choices.output)
            let start = ContinuousClock.now
            let result: LadderResult
            do {
                result = try Ladder(try choices.settings(), streams: try choices.streams())
                    .run(threads: try choices.threadCount()) {
                        start.duration(to: .now) / .seconds(1)
                    } progress: {
                        ExperimentFolder.tell($0)
                    }
            } catch let error as ExperimentError {
                throw Failure(error.code == .noFleet ? .failed : .usage, error.message)
            }
            let report = LadderReport(result)
            try folder.write("ladder.json", try result.json())
            try folder.write("ladder.csv", Array(result.csv.utf8))
            try folder.write("ladder.md", Array(report.markdown.utf8))
            try folder.write("ladder.html", Array(report.html.utf8))
            for picture in report.pictures { try folder.write("ladder-\(picture.name).svg", Array(picture.svg.utf8)) }
            print(report.markdown, terminator: "")
        }
    }
}

/// What the experiments on generated fleets take.
struct ExperimentChoices: ParsableArguments {
    @Option(help: "The folder for the report (JSON, CSV, Markdown, HTML and SVG).") var output: String
    @Option(help: "quick (minutes), standard (an hour a mode) or full.") var size: LadderSettings.Size = .standard
    @Option(help: "Decides every fleet and stream that is drawn.") var seed: UInt64 = 1
    @Option(help: "Names of models, such as llama-3-8b-q4; may be repeated.") var model: [String] = []
    @Option(help: "A stream of requests (CSV), such as the Azure traces; may be repeated. Default: streams like them.")
    var workload: [String] = []
    @Option(parsing: .unconditional, help: "Requests of a stream.") var requests: Int?
    @Option(help: "Only fleets of up to so many devices.") var mostDevices: Int?
    @Option(help: "Only fleets of at least so many devices.") var leastDevices: Int?
    @Option(help: "on, off or both: whether KV streams, travels as q8_0 and roles may be mixed.") var mode = "both"
    @Option(help: "Scenarios at the same time; default: one a processor.") var threads: Int?

    func settings() throws -> LadderSettings {
        var settings = LadderSettings(size, seed: seed)
        if !model.isEmpty { settings.models = model }
        if let requests { settings.requests = requests }
        if let mostDevices { settings.fleets.removeAll { $0.devices > mostDevices } }
        if let leastDevices { settings.fleets.removeAll { $0.devices < leastDevices } }
        if settings.fleets.isEmpty { throw Failure(.usage, "no size of fleets is left") }
        if mode != "both" {
            guard let only = SuiteMode(rawValue: mode) else {
                throw Failure(.usage, "--mode \"\(mode)\": it is on, off or both")
            }
            settings.modes = [only]
        }
        return settings
    }

    func streams() throws -> [LadderStream] {
        guard !workload.isEmpty else { return size == .quick ? [.conversation] : [.conversation, .code] }
        return try workload.map { path in
            .recorded(try ScenarioOptions.stream(path))
        }
    }

    func threadCount() throws -> Int {
        if let threads, threads < 1 { throw Failure(.usage, "--threads is \(threads), it must be positive") }
        return threads ?? ProcessInfo.processInfo.activeProcessorCount
    }
}
