internal import Reports

/// The report of an ablation.
public struct AblationReport: Sendable {
    private let result: AblationResult

    /// Makes the report of some values.
    public init(_ result: AblationResult) { self.result = result }

    /// The document.
    public var markdown: String { page.markdown }
    /// One page with the plots, which needs nothing else.
    public var html: String { page.html }
    /// The plots, by names for files.
    public var pictures: [(name: String, svg: String)] { page.figures.map { ($0.name, $0.svg) } }

    private var page: ReportPage {
        let settings = result.settings
        let effects = result.effects.filter { $0.count > 0 }
        let subtitle =
            "\(result.outcomes.count) scenarios of \(settings.requests) requests, seed \(settings.seed)"
        func chart(_ title: String, _ name: String, _ value: (AblationResult.Effect) -> Double?) -> ReportBlock {
            .figure(
                ReportFigure(
                    name: name,
                    svg: GroupedBars(
                        title: title, subtitle: subtitle, yTitle: "ratio to all of E2LLM",
                        groups: effects.map(\.part.rawValue),
                        series: [GroupedBars.Series(name: "without it", values: effects.map(value))]
                    ).svg))
        }
        return ReportPage(
            title: "What each part of E2LLM brings",
            blocks: [
                .text(
                    "Seed \(settings.seed); models \(settings.models.joined(separator: ", ")); streams "
                        + "\(result.streams.joined(separator: ", ")) of \(settings.requests) requests; "
                        + "\(result.outcomes.count) scenarios in \(FigureText.number(result.seconds, 0)) s."),
                .text(
                    "Ratios of E2LLM without a part to all of E2LLM, geometric means over scenarios; w_total and end to end "
                        + "time at \(FigureText.percent(Ablation.share, 0)) of what all of it sustains. The planner knows "
                        + "what is switched off and plans for it."),
                .table(
                    [["switched off", "scenarios", "capacity", "w_total", "e2e", "changes in"]]
                        + effects.map { effect in
                            [
                                effect.part.title, "\(effect.count)", FigureText.number(effect.capacity, 3),
                                FigureText.number(effect.waiting, 3), FigureText.number(effect.total, 3),
                                FigureText.percent(effect.share, 0),
                            ]
                        }),
                chart("Capacity without a part", "capacity", \.capacity),
                chart("Waiting without a part", "waiting", \.waiting),
                chart("End to end time without a part", "e2e", \.total),
            ])
    }
}
