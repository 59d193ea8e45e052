import ArgumentParser
import Foundation
import Reports
import Simulation

/// Where a report of runs goes, and what it shows.
struct ReportOutput: ParsableArguments {
    @Option(help: "Write a page with tables and pictures (HTML).") var html: String?
    @Option(help: "Write every picture to a file in this folder (SVG).") var svg: String?
    @Option(
        name: .customLong("gantt-from"), parsing: .unconditional,
        help: "Where the Gantt chart begins, seconds; default: the busiest part.")
    var ganttFrom: Double?
    @Option(name: .customLong("gantt-seconds"), parsing: .unconditional, help: "How many seconds it shows.")
    var ganttSeconds: Double?

    /// Whether anything is asked for.
    var isWanted: Bool { html != nil || svg != nil }

    /// The window of Gantt charts; wrong ones are named.
    func window() throws -> GanttWindow {
        if let ganttFrom, !(ganttFrom.magnitude <= 1e12) {
            throw Failure(.usage, "--gantt-from is \(ganttFrom), it must be a moment of the run")
        }
        if let ganttSeconds, !(ganttSeconds > 0 && ganttSeconds <= 1e12) {
            throw Failure(.usage, "--gantt-seconds is \(ganttSeconds), it must be positive")
        }
        return GanttWindow(from: ganttFrom, seconds: ganttSeconds)
    }

    /// Writes the page and the pictures.
    func write(_ runs: [RunRecord]) throws {
        guard isWanted else { return }
        let report = RunReport(runs, window: try window())
        if let html { try OutputFile.write(report.html, to: html) }
        guard let svg else { return }
        let folder = URL(fileURLWithPath: svg, isDirectory: true)
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw Failure(.failed, "\(svg) cannot be made a folder: \(error.localizedDescription)")
        }
        for figure in report.figures {
            try OutputFile.write(figure.svg, to: folder.appendingPathComponent(figure.name + ".svg").path)
        }
    }
}
