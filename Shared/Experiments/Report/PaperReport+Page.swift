internal import Reports
internal import Simulation

extension PaperReport {
    /// The report as one page with plots, which needs nothing else.
    public var html: String { page.html }
    /// The plots, by names for files.
    public var pictures: [(name: String, svg: String)] { page.figures.map { ($0.name, $0.svg) } }

    private var page: ReportPage {
        ReportPage(
            title: "The paper's table",
            blocks: result.settings.slowdowns.map { ReportBlock.figure(waiting($0)) }
                + ReportBlock.blocks(markdown: markdown))
    }

    /// Mean waiting of every cell: the paper's two systems as published and as simulated, and the default ones.
    private func waiting(_ slowdown: Double) -> ReportFigure {
        let outcomes = result.outcomes.filter { $0.slowdown == slowdown }
        var cells: [(workload: PaperWorkload, interval: Double)] = []
        for outcome in outcomes where !cells.contains(where: { $0 == (outcome.workload, outcome.interval) }) {
            cells.append((outcome.workload, outcome.interval))
        }
        func series(_ name: String, _ value: (PaperOutcome) -> Double?, _ system: SimulatedSystem) -> GroupedBars.Series
        {
            GroupedBars.Series(
                name: name,
                values: cells.map { cell in
                    outcomes.first {
                        $0.workload == cell.workload && $0.interval == cell.interval && $0.system == system
                    }.flatMap(value)
                })
        }
        func simulated(_ outcome: PaperOutcome) -> Double? { outcome.figures?.summary.waiting.mean }
        let text = FigureText.number(slowdown, 1)
        let chart = GroupedBars(
            title: "Mean waiting, slowdown \(text)",
            subtitle: "\(result.settings.requests) requests a cell, seed \(result.settings.seed)", yTitle: "seconds",
            groups: cells.map { "\($0.workload.title), \(FigureText.number($0.interval, 1)) s" },
            series: [
                series("Splitwise, the paper's figure", \.published, .splitwiseAdapted),
                series("Splitwise as the paper adapts it, simulated", simulated, .splitwiseAdapted),
                series("E2LLM, the paper's figure", \.published, .paper),
                series("E2LLM as in the paper, simulated", simulated, .paper),
                series("E2LLM, default planner and scheduler", simulated, .e2llm),
            ])
        return ReportFigure(name: "waiting-slowdown-\(text.replacing(".", with: "-"))", svg: chart.svg)
    }
}
