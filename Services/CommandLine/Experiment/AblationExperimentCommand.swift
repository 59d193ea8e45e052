import ArgumentParser
import Experiments

/// `e2llm experiment ablation`: what each part of E2LLM brings, simulated.
struct AblationExperimentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ablation",
        abstract: "Simulates generated fleets with one part of E2LLM after the other switched off.",
        discussion: "Parts:\n"
            + AblationSwitch.allCases.dropFirst().map { "  \($0.rawValue): \($0.title)" }.joined(separator: "\n"))

    @OptionGroup var choices: ExperimentChoices

    func run() async throws {
        try await Failure.reporting {
            let folder = try ExperimentFolder(choices.output)
            if choices.mode != "both" { throw Failure(.usage, "--mode: an ablation has none") }
            let start = ContinuousClock.now
            let result: AblationResult
            do {
                result = try Ablation(try choices.settings(), streams: try choices.streams())
                    .run(threads: try choices.threadCount()) {
                        start.duration(to: .now) / .seconds(1)
                    } progress: {
                        ExperimentFolder.tell($0)
                    }
            } catch let error as ExperimentError {
                throw Failure(error.code == .noFleet ? .failed : .usage, error.message)
            }
            let report = AblationReport(result)
            try folder.write("ablation.json", try result.json())
            try folder.write("ablation.csv", Array(result.csv.utf8))
            try folder.write("ablation.md", Array(report.markdown.utf8))
            try folder.write("ablation.html", Array(report.html.utf8))
            for picture in report.pictures { try folder.write("ablation-\(picture.name).svg", Array(picture.svg.utf8)) }
            print(report.markdown, terminator: "")
        }
    }
}
