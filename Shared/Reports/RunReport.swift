internal import Drawing
public import Simulation

/// A report of one or several runs, simulated or measured: tables of every measure, and pictures.
public struct RunReport: Sendable {
    /// Runs of a report at most: more cannot be told apart.
    public static let mostRuns = 24

    /// The runs, in the order in which they are shown.
    public let runs: [RunRecord]
    /// The names of the runs, no two alike.
    public let names: [String]
    /// The pictures: those of all runs together, then those of each.
    public let figures: [ReportFigure]
    private let labels: RunLabels

    /// Draws runs; only the first `mostRuns` are taken. `window` is the part that Gantt charts show.
    public init(_ runs: [RunRecord], window: GanttWindow = GanttWindow()) {
        let runs = Array(runs.prefix(Self.mostRuns))
        self.runs = runs
        labels = RunLabels(runs)
        names = labels.names
        figures = RunFigures(runs: runs, labels: labels, window: window).all
    }

    /// The report as one page that needs nothing else: no scripts, no fonts, no files.
    ///
    /// The page is well-formed XML as well.
    public var html: String {
        let title = names.count == 1 ? "Run of \(names[0])" : "\(names.count) runs"
        return ReportPage.page(title: title) { body in
            let tables = ReportTables(runs: runs, names: names)
            tables.conditions(&body)
            body.element("h2", [:]) { $0.write("Measures") }
            body.element("p", [:]) {
                $0.write(
                    "Seconds, over the requests that finished; w_total is the sum of the five parts before it, w_queue w_total without t_kv."
                )
            }
            tables.measures(&body)
            for figure in figures where figure.run == nil { ReportPage.draw(figure, &body) }
            for (index, name) in names.enumerated() {
                let own = figures.filter { $0.run == index }
                guard !own.isEmpty else { continue }
                body.element("h2", [:]) { $0.write(Self.short(name)) }
                for figure in own { ReportPage.draw(figure, &body) }
                if let timeline = runs[index].timeline {
                    if !own.contains(where: { $0.name.hasPrefix("gantt") }) {
                        body.element("p", [:]) { $0.write(Self.missing(timeline)) }
                    }
                } else {
                    body.element("p", [:]) { $0.write("Devices and links over time were not recorded.") }
                }
            }
            tables.uses(&body)
        }
    }

    /// Why there is no Gantt chart.
    private static func missing(_ timeline: RunTimeline) -> String {
        let from = ReportText.seconds(timeline.intervalsFrom)
        let until = timeline.intervalsUntil.map { " to \(ReportText.seconds($0))" } ?? " on"
        return "There is nothing in the window of the Gantt chart; steps were recorded from \(from)\(until)."
    }

    /// A name as a page shows it: none is longer than a line or so.
    static func short(_ name: String) -> String { name.count <= 160 ? name : name.prefix(159) + "\u{2026}" }
}
