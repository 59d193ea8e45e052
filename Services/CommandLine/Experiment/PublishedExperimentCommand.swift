import ArgumentParser
import Experiments

/// `e2llm experiment published`: other people's figures, predicted.
struct PublishedExperimentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "published",
        abstract: "Predicts published figures of other systems from each device's other figures, with the cost model.")

    @Option(help: "The folder for the report (JSON, CSV, Markdown, HTML and SVG).") var output: String
    @Flag(help: "Print the values as JSON instead of the report.") var json = false

    func run() async throws {
        try await Failure.reporting {
            let folder = try ExperimentFolder(output)
            let result: PublishedResult
            do {
                result = try PublishedExperiment().run()
            } catch let error as ExperimentError {
                throw Failure(.failed, error.message)
            }
            let values = try result.json()
            let report = PublishedReport(result)
            try folder.write("published.json", values)
            try folder.write("published.csv", Array(result.csv.utf8))
            try folder.write("published.md", Array(report.markdown.utf8))
            try folder.write("published.html", Array(report.html.utf8))
            for picture in report.pictures {
                try folder.write("published-\(picture.name).svg", Array(picture.svg.utf8))
            }
            print(json ? String(decoding: values, as: UTF8.self) : report.markdown, terminator: "")
        }
    }
}
