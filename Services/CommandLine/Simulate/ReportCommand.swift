import ArgumentParser
import Foundation
import Reports
import Simulation

/// `e2llm report`: records of runs as a page, side by side.
struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Makes a page with tables and pictures from records of runs.",
        discussion: "Records are those of `e2llm simulate --record`; up to \(RunReport.mostRuns) stand side by side.")

    @Argument(help: "Records of runs (JSON).") var records: [String]
    @OptionGroup var output: ReportOutput

    func run() async throws {
        try await Failure.reporting {
            guard output.isWanted else {
                throw Failure(.usage, "neither --html nor --svg is given: where should the report go?")
            }
            guard records.count <= RunReport.mostRuns else {
                throw Failure(.usage, "\(records.count) records are too many, at most \(RunReport.mostRuns)")
            }
            _ = try output.window()
            try output.write(try records.map(RecordFile.read))
        }
    }
}
