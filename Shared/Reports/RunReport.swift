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
        var page = SVGText()
        page.element("html", ["lang": "en"]) { html in
            html.element("head", [:]) { head in
                head.element("meta", ["charset": "utf-8"])
                head.element("meta", ["name": "viewport", "content": "width=device-width"])
                // Whatever a name may hold, nothing is run and nothing is loaded.
                head.element(
                    "meta",
                    [
                        "http-equiv": "Content-Security-Policy",
                        "content": "default-src 'none'; style-src 'unsafe-inline'",
                    ])
                head.element("title", [:]) { $0.write(title) }
                head.element("style", [:]) { $0.write(Self.style) }
            }
            html.element("body", [:]) { body in
                body.element("h1", [:]) { $0.write(title) }
                let tables = ReportTables(runs: runs, names: names)
                tables.conditions(&body)
                body.element("h2", [:]) { $0.write("Measures") }
                body.element("p", [:]) {
                    $0.write(
                        "Seconds, over the requests that finished; w_total is the sum of the five parts before it, w_queue w_total without t_kv."
                    )
                }
                tables.measures(&body)
                for figure in figures where figure.run == nil { draw(figure, &body) }
                for (index, name) in names.enumerated() {
                    let own = figures.filter { $0.run == index }
                    guard !own.isEmpty else { continue }
                    body.element("h2", [:]) { $0.write(Self.short(name)) }
                    for figure in own { draw(figure, &body) }
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
        return "<!DOCTYPE html>\n" + page.text
    }

    /// Why there is no Gantt chart.
    private static func missing(_ timeline: RunTimeline) -> String {
        let from = ReportText.seconds(timeline.intervalsFrom)
        let until = timeline.intervalsUntil.map { " to \(ReportText.seconds($0))" } ?? " on"
        return "There is nothing in the window of the Gantt chart; steps were recorded from \(from)\(until)."
    }

    private func draw(_ figure: ReportFigure, _ body: inout SVGText) {
        body.element("figure", ["id": .text(figure.name)]) { $0.append(xml: figure.svg) }
    }

    /// A name as a page shows it: none is longer than a line or so.
    static func short(_ name: String) -> String { name.count <= 160 ? name : name.prefix(159) + "\u{2026}" }

    /// Nothing here may need escaping.
    private static let style = """
        :root { color-scheme: light dark; }
        body { font: 14px/1.45 system-ui, sans-serif; max-width: 1000px; margin: 24px auto; padding: 0 16px; }
        h1 { font-size: 22px; } h2 { font-size: 17px; margin-top: 32px; }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        th, td { border-bottom: 1px solid #8886; padding: 3px 10px; text-align: right; }
        th { font-weight: 600; } .name { text-align: left; overflow-wrap: anywhere; }
        figure { margin: 16px 0; overflow-x: auto; }
        svg { max-width: 100%; height: auto; border-radius: 6px; }
        """
}
