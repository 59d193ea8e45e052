internal import Reports
internal import Simulation

/// The report of a run of the ladder.
public struct LadderReport: Sendable {
    private let result: LadderResult

    /// Makes the report of some values.
    public init(_ result: LadderResult) { self.result = result }

    /// The document.
    public var markdown: String { page.markdown }
    /// One page with the plots, which needs nothing else.
    public var html: String { page.html }
    /// The plots, by names for files.
    public var pictures: [(name: String, svg: String)] { page.figures.map { ($0.name, $0.svg) } }

    private var page: ReportPage {
        var blocks: [ReportBlock] = [.text(introduction), .list(definitions)]
        for summary in result.summaries where summary.count > 0 {
            let name = summary.mode.rawValue
            let outcomes = result.outcomes.filter { $0.scenario.mode == summary.mode }
            blocks += [
                .heading("Mode \(name): \(Self.title(summary.mode))"),
                .text(
                    "Capacity of E2LLM over the best of the baselines: \(FigureText.number(summary.capacity, 3)) in the "
                        + "geometric mean of \(summary.count) scenarios, \(FigureText.number(summary.leastCapacity, 3)) at "
                        + "least. Our plan with the scheduler of B3: "
                        + "\(FigureText.number(summary.crossovers["b4-planner"], 3)); the plan of B3 with our scheduler: "
                        + "\(FigureText.number(summary.crossovers["b4-scheduler"], 3))."),
                .table(Self.besideTable(summary)),
                .figure(waitingFigure(summary)),
                .table(capacityTable(outcomes)),
                .figure(capacityFigure(outcomes, summary.mode)),
                .figure(partsFigure(outcomes, summary.mode)),
            ]
        }
        return ReportPage(title: "E2LLM and the ladder of baselines", blocks: blocks)
    }

    private static func title(_ mode: SuiteMode) -> String {
        switch mode {
        case .off: "no streaming, KV as f16, replicas all mixed or all split"
        case .on: "KV streams and may travel as q8_0 for all, roles are mixed as the planner likes"
        }
    }

    private var introduction: String {
        let settings = result.settings
        return "Seed \(settings.seed); models \(settings.models.joined(separator: ", ")); streams "
            + "\(result.streams.joined(separator: ", ")) of \(settings.requests) requests; "
            + "\(result.outcomes.count) scenarios in \(FigureText.number(result.seconds, 0)) s."
    }

    private var definitions: [String] {
        [
            "Capacity: the largest rate, of the stream's requests at equal intervals, at which the queue at the last arrival is longer than at half of the arrivals by at "
                + "most 5 % of the requests between.",
            "w_total: end to end time without the request's own prefill and decoding, the sum of five parts; ratios are of "
                + "means, both sides at least 10 ms, aggregated by geometric means over scenarios.",
            "Every baseline is met at shares of its own capacity. Not worse: mean end to end time at most 0.5 % longer and "
                + "throughput (requests over the length "
                + "of the run) at most 0.5 % less. One long answer at the end of a stream of 1,000 requests makes a run 1 to 2 % longer.",
            "A fleet is drawn again with FleetGenerator(deviceCount: devices, seed: seed).",
        ]
    }

    private static func besideTable(_ summary: LadderSummary) -> [[String]] {
        [
            [
                "baseline", "at", "scenarios", "w_total", "halved in", "e2e", "e2e not worse in",
                "nor throughput in",
            ]
        ]
            + summary.beside.filter { $0.count > 0 }.map { line in
                [
                    line.baseline.uppercased(), FigureText.percent(line.share, 0), "\(line.count)",
                    FigureText.number(line.waiting, 3), FigureText.percent(line.halved, 0),
                    FigureText.number(line.total, 3), FigureText.percent(line.quick, 0),
                    FigureText.percent(line.sound, 0),
                ]
            }
    }

    private func waitingFigure(_ summary: LadderSummary) -> ReportFigure {
        let shares = result.settings.shares
        let chart = GroupedBars(
            title: "Waiting of E2LLM over each baseline's", subtitle: subtitle(summary.mode),
            yTitle: "ratio of mean w_total", groups: shares.map { "at \(FigureText.percent($0, 0)) of its capacity" },
            series: Ladder.baselines.map { baseline in
                GroupedBars.Series(
                    name: baseline.rawValue.uppercased(),
                    values: shares.map { share in
                        summary.beside.first { $0.baseline == baseline.rawValue && $0.share == share }?.waiting
                    })
            })
        return ReportFigure(name: "waiting-\(summary.mode.rawValue)", svg: chart.svg)
    }

    private func capacityTable(_ outcomes: [LadderOutcome]) -> [[String]] {
        let systems = [.e2llm] + Ladder.baselines + Ladder.crossovers
        let head = ["scenario"] + systems.map(\.rawValue) + ["ratio"]
        return [head]
            + outcomes.map { outcome in
                [
                    "\(outcome.scenario.fleet.devices) devices, seed \(outcome.scenario.fleet.seed), "
                        + "\(outcome.scenario.fleet.model), \(outcome.scenario.stream)"
                ] + systems.map { FigureText.rate(outcome.capacity($0)) }
                    + [FigureText.number(outcome.capacityRatio, 3)]
            }
    }

    private func capacityFigure(_ outcomes: [LadderOutcome], _ mode: SuiteMode) -> ReportFigure {
        let sizes = Set(outcomes.map(\.scenario.fleet.devices)).sorted()
        let systems: [String] = ["e2llm"] + Ladder.baselines.map(\.rawValue)
        let lines = systems.map { system in
            LineChart.Line(
                name: system == "e2llm" ? "E2LLM" : system.uppercased(),
                points: sizes.compactMap { size in
                    let ratios = outcomes.filter { $0.scenario.fleet.devices == size }.compactMap {
                        outcome -> Double? in
                        guard let best = Ladder.baselines.compactMap(outcome.capacity).max(), best > 0 else {
                            return nil
                        }
                        return outcome.systems.first { $0.name == system }.map { $0.capacity / best }
                    }
                    return Averages.geometricMean(ratios).map { LineChart.Point(x: Double(size), y: $0) }
                })
        }
        let chart = LineChart(
            title: "Capacity over the best baseline's", subtitle: subtitle(mode), xTitle: "devices", yTitle: "ratio",
            lines: lines.filter { !$0.points.isEmpty })
        return ReportFigure(name: "capacity-\(mode.rawValue)", svg: chart.svg)
    }

    /// Means over scenarios at the largest share of the best split baseline's capacity.
    private func partsFigure(_ outcomes: [LadderOutcome], _ mode: SuiteMode) -> ReportFigure {
        let share = result.settings.shares.max() ?? 0.9
        let measures = outcomes.flatMap(\.measures).filter { $0.share == share }
        func mean(_ figures: [LadderFigures]) -> [Double] {
            (0..<5).map { part in figures.map { $0.parts[part] }.reduce(0, +) / Double(max(1, figures.count)) }
        }
        var bars: [StackedBars.Bar] = []
        for baseline in Ladder.baselines where baseline != .b1 && baseline != .b1m {
            let beside = measures.filter { $0.baseline == baseline.rawValue }
            guard !beside.isEmpty else { continue }
            let name = baseline.rawValue.uppercased()
            bars.append(StackedBars.Bar(name: name, parts: mean(beside.map(\.theirs))))
            bars.append(StackedBars.Bar(name: "E2LLM at that rate", parts: mean(beside.map(\.ours))))
        }
        let chart = StackedBars(
            title: "Waiting by part at \(FigureText.percent(share, 0)) of a baseline's capacity",
            subtitle: subtitle(mode),
            xTitle: "seconds, mean over scenarios",
            parts: ["prefill queue", "decoder memory", "KV transfer", "decode queue", "stalls"], bars: bars)
        return ReportFigure(name: "parts-\(mode.rawValue)", svg: chart.svg)
    }

    private func subtitle(_ mode: SuiteMode) -> String {
        "mode \(mode.rawValue), \(result.outcomes.count { $0.scenario.mode == mode }) scenarios of "
            + "\(result.settings.requests) requests, seed \(result.settings.seed)"
    }
}
