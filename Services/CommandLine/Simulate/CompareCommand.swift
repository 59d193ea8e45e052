import ArgumentParser
import Foundation
import Simulation

/// `e2llm compare`: how far a simulated run is from a measured one.
struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Compares two records of runs, measure by measure.",
        discussion: """
            The error of a measure is the second record's figure over the first one's, minus 1. Of folders, it also says \
            what the runs do not have in common.
            """)

    @Argument(
        help: "The record of the real, or first, run; or the folder of `bench load --output` or `simulate --output`.")
    var real: String
    @Argument(help: "The record of the simulated, or second, run; or a folder.") var simulated: String
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await Failure.reporting {
            let comparison = RunComparison(
                try RecordFile.read(RunFolder.record(at: real)), try RecordFile.read(RunFolder.record(at: simulated)))
            if json { return try JSONOutput.print(comparison) }
            if let one = try RunFolder.about(at: real), let other = try RunFolder.about(at: simulated) {
                for line in RunFolder.differences(one, other) { print(line) }
            }
            print(Self.text(comparison))
        }
    }

    private static func text(_ comparison: RunComparison) -> String {
        var lines = comparison.warnings.map { "note: \($0)" }
        func row(_ cells: [String]) -> String {
            cells.enumerated().map { column, text in
                let blank = String(repeating: " ", count: max(0, (column == 0 ? 20 : 14) - text.count))
                return column == 0 ? text + blank : blank + text
            }.joined()
        }
        lines.append(row(["", "real mean", "simulated", "error", "real p90", "simulated", "error"]))
        for measure in comparison.measures {
            lines.append(
                row([
                    measure.name, TableFigure.short(measure.mean.real), TableFigure.short(measure.mean.simulated),
                    percent(measure.mean.error), TableFigure.short(measure.p90.real),
                    TableFigure.short(measure.p90.simulated), percent(measure.p90.error),
                ]))
        }
        return lines.joined(separator: "\n")
    }

    private static func percent(_ share: Double?) -> String {
        share.map { "\($0 >= 0 ? "+" : "")\(Int(($0 * 100).rounded())) %" } ?? "-"
    }
}
