public import ArgumentParser
public import Experiments
import Foundation

extension PlannerSuiteSettings.Size: ExpressibleByArgument {}

/// `e2llm experiment planner`: plans against the optimum, the baselines and their certificates.
struct PlannerExperimentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "planner",
        abstract:
            "Compares the default planner with the optimum on small fleets and with the baselines on generated ones.")

    @Option(help: "The folder for planner.json and planner.md.") var output: String
    @Option(help: "quick (minutes), standard (about half an hour) or full.") var size: PlannerSuiteSettings.Size =
        .standard
    @Option(help: "Decides every fleet that is drawn.") var seed: UInt64 = 1
    @Option(help: "Names of models, such as llama-3-8b-q4; may be repeated.") var model: [String] = []
    @Option(help: "Only fleets of up to so many devices.") var mostDevices: Int?
    @Flag(help: "Print the values as JSON instead of the report.") var json = false

    func run() async throws {
        try await Failure.reporting {
            let folder = URL(fileURLWithPath: output)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let start = ContinuousClock.now
            let result: PlannerSuiteResult
            do {
                result = try PlannerSuite(settings).run {
                    start.duration(to: .now) / .seconds(1)
                } progress: { progress in
                    Self.tell("\r[\(progress.done)/\(progress.total)] \(progress.last)\u{1b}[K")
                }
            } catch let error as ExperimentError {
                throw Failure(error.code == .noFleet ? .failed : .usage, error.message)
            }
            Self.tell("\n")
            let values = try result.json()
            let report = PlannerSuiteReport(result).markdown
            try Data(values).write(to: folder.appending(path: "planner.json"), options: .atomic)
            try Data(report.utf8).write(to: folder.appending(path: "planner.md"), options: .atomic)
            print(json ? String(decoding: values, as: UTF8.self) : report, terminator: "")
        }
    }

    private var settings: PlannerSuiteSettings {
        var settings = PlannerSuiteSettings(size, seed: seed)
        if !model.isEmpty { settings.models = model }
        if let mostDevices { settings.fleets.removeAll { $0.devices > mostDevices } }
        return settings
    }

    private static func tell(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
