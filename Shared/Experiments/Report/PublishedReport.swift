internal import Reports

/// The report of other people's figures beside the cost model.
public struct PublishedReport: Sendable {
    private let result: PublishedResult

    /// Makes the report of some values.
    public init(_ result: PublishedResult) { self.result = result }

    /// The document.
    public var markdown: String { page.markdown }
    /// One page with the plots, which needs nothing else.
    public var html: String { page.html }
    /// The plots, by names for files.
    public var pictures: [(name: String, svg: String)] { page.figures.map { ($0.name, $0.svg) } }

    private var page: ReportPage {
        let groups = result.summaries.filter { $0.count > 0 }
        var blocks: [ReportBlock] = [
            .text(
                "\(result.measurements.count) figures of other people from \(usedSources.count) sources, "
                    + "\(result.rows.count) predictions. Every figure is predicted from other figures of the same devices "
                    + "by the cost model that the planner uses; nothing is adjusted to the figures that are predicted."),
            .table(summaryTable(groups)),
        ]
        if !groups.isEmpty { blocks.append(.figure(chart(groups))) }
        for summary in groups {
            blocks += [
                .heading(summary.group.title), .list([summary.group.method, verdict(summary)]),
                .table(rowTable(result.rows(summary.group))),
            ]
        }
        if !result.unused.isEmpty {
            blocks += [
                .heading("Figures that nothing predicts"),
                .text(
                    "One node's own waiting, totals whose parts were used, and figures of devices of which no other one says how "
                        + "fast they are: of the card behind llama.cpp's RPC no local figure is published beside it, and the "
                        + "clusters of version 0.7.1 were not measured on one node."),
                .table(unusedTable),
            ]
        }
        blocks += [.heading("Sources"), .table(sourceTable), .heading("Devices"), .table(deviceTable)]
        return ReportPage(title: "Published figures", blocks: blocks)
    }

    private func summaryTable(_ groups: [PublishedSummary]) -> [[String]] {
        [["group", "figures", "median error", "mean error", "worst", "target", "within it", "reached"]]
            + groups.map { summary in
                [
                    summary.group.title, "\(summary.count)", FigureText.percent(summary.medianError),
                    FigureText.percent(summary.meanError), FigureText.percent(summary.worstError),
                    FigureText.percent(summary.group.target, 0), FigureText.percent(summary.shareWithin, 0),
                    summary.isReached.map { $0 ? "yes" : "no" } ?? FigureText.missing,
                ]
            }
    }

    private func verdict(_ summary: PublishedSummary) -> String {
        let mean = "mean error \(FigureText.percent(summary.meanError))"
        guard let target = summary.group.target, let isReached = summary.isReached else {
            return "No target; \(mean). \(summary.group.causes)"
        }
        return "Target \(FigureText.percent(target, 0)): \(isReached ? "reached" : "not reached"), \(mean). "
            + "What errors come from: \(summary.group.causes)"
    }

    private func rowTable(_ rows: [PublishedRow]) -> [[String]] {
        [["device", "model", "nodes", "of", "unit", "published", "predicted", "error", "source"]]
            + rows.map { row in
                [
                    title(row.figure.device), row.figure.model, "\(row.figure.nodes)", row.figure.quantity.rawValue,
                    row.figure.quantity.unit, Self.text(row.figure.value), Self.text(row.predicted),
                    FigureText.percent(row.error), row.figure.source,
                ]
            }
    }

    private var unusedTable: [[String]] {
        [["device", "model", "software", "network", "nodes", "of", "published", "unit", "source"]]
            + result.unused.map { figure in
                [
                    title(figure.device), figure.model, figure.software, figure.network, "\(figure.nodes)",
                    figure.quantity.rawValue, Self.text(figure.value), figure.quantity.unit, figure.source,
                ]
            }
    }

    private var usedSources: [PublishedSource] {
        let used = Set(result.measurements.map(\.source))
        return result.sources.filter { used.contains($0.id) }
    }

    private var sourceTable: [[String]] {
        [["source", "title", "address", "date"]] + usedSources.map { [$0.id, $0.title, $0.address, $0.date] }
    }

    private var deviceTable: [[String]] {
        let used = Set(result.measurements.map(\.device))
        return [["device", "what it is"]] + result.devices.filter { used.contains($0.id) }.map { [$0.id, $0.title] }
    }

    private func chart(_ groups: [PublishedSummary]) -> ReportFigure {
        let chart = GroupedBars(
            title: "Errors of the predictions", subtitle: "\(result.rows.count) published figures",
            yTitle: "error without sign", groups: groups.map(\.group.rawValue),
            series: [
                GroupedBars.Series(name: "median", values: groups.map(\.medianError)),
                GroupedBars.Series(name: "mean", values: groups.map(\.meanError)),
            ])
        return ReportFigure(name: "errors", svg: chart.svg)
    }

    private func title(_ device: String) -> String { result.devices.first { $0.id == device }?.title ?? device }

    private static func text(_ value: Double) -> String { FigureText.number(value, value < 10 ? 2 : 1) }
}
