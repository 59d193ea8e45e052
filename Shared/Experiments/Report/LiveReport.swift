internal import Reports
internal import Simulation

/// The report of a live comparison: real devices, the simulated figure beside every real one.
public struct LiveReport: Sendable {
    private let result: LiveResult

    /// Makes the report of some values.
    public init(_ result: LiveResult) { self.result = result }

    /// The document.
    public var markdown: String { page.markdown }
    /// One page with the plots, which needs nothing else.
    public var html: String { page.html }
    /// The plots, by names for files.
    public var pictures: [(name: String, svg: String)] { page.figures.map { ($0.name, $0.svg) } }

    private var page: ReportPage {
        let comparisons = result.comparisons
        var blocks: [ReportBlock] = [.text(introduction), .list(result.devices), .list(definitions)]
        blocks += [.heading("Is the target reached"), .list(verdicts(comparisons))]
        blocks += [.heading("Capacity"), .table(capacityTable), .figure(capacityFigure)]
        if !comparisons.isEmpty {
            blocks += [
                .heading("Ours beside each baseline"), .table(table(comparisons)), .figure(waiting(comparisons)),
            ]
        }
        if !result.runs.isEmpty {
            blocks += [.heading("Runs, measured and simulated"), .table(runTable), .figure(parts)]
        }
        return ReportPage(title: "E2LLM and its rivals on the same devices", blocks: blocks)
    }

    private var introduction: String {
        let settings = result.settings
        return
            "Measured on \(result.machine) with \(result.model): the same services, engine, model and arrivals for every "
            + "system, one after the other; planner, routing and batching by configuration. Prompts of "
            + "\(FigureText.number(settings.promptTokens, 0)) and outputs of \(FigureText.number(settings.outputTokens, 0)) "
            + "tokens in the mean, Poisson arrivals, seeds \(settings.seeds.map { "\($0)" }.joined(separator: ", ")). "
            + "The devices are emulated on this machine:"
    }

    private var definitions: [String] {
        [
            "Every device is a process of its own whose threads pause to keep its share of the processors' time, whose memory is "
                + "limited, and whose messages leave at the rate of its link.",
            "Capacity: the largest rate at which queues stayed bounded in short runs of requests at equal intervals.",
            "w_total: prefill queue, decoder memory, KV transfer and decode queue. Stalls are not reported by the services and count "
                + "in neither column; they are part of e2e.",
            "Ratios are ours over the baseline's, at a share of the baseline's own capacity, geometric means over seeds with the "
                + "least and the largest in brackets; of waiting both sides are at least 10 ms.",
            "Target: a ratio of waiting of at most \(LiveComparison.target), with neither e2e nor throughput worse by more than 0.5 %.",
            "Runs in which requests did not finish or other programs and the hypervisor took more than "
                + "\(FigureText.percent(MachineUse.mostDisturbance, 0)) of the processors' time are shown and not judged.",
        ]
    }

    private func name(_ system: SimulatedSystem) -> String { system.rawValue }

    // MARK: - Verdicts

    private func verdicts(_ comparisons: [LiveComparison]) -> [String] {
        let share = result.settings.shares.max() ?? 0.9
        return result.settings.baselines.map { baseline in
            let place = "\(name(baseline)) at \(FigureText.percent(share, 0)) of its capacity"
            if let problem = result.systems.first(where: { $0.system == baseline })?.problem {
                return "\(name(baseline)): not measured, \(problem)"
            }
            guard let found = comparisons.first(where: { $0.baseline == baseline && $0.share == share }) else {
                return "\(place): no pair of runs that may be judged yet"
            }
            var reasons: [String] = []
            if !found.isHalved { reasons.append("waiting is \(FigureText.number(found.waiting.mean, 3)) of theirs") }
            if found.total.mean > 1.005 { reasons.append("e2e is \(FigureText.number(found.total.mean, 3)) of theirs") }
            if found.throughput.mean < 0.995 {
                reasons.append("throughput is \(FigureText.number(found.throughput.mean, 3)) of theirs")
            }
            let spread =
                "waiting \(FigureText.number(found.waiting.low, 3)) to \(FigureText.number(found.waiting.high, 3)) of theirs over "
                + "\(found.seeds.count) seed\(found.seeds.count == 1 ? "" : "s")"
            return found.isReached
                ? "\(place): reached, \(spread)"
                : "\(place): NOT reached, \(reasons.joined(separator: "; ")); \(spread)"
        }
    }

    // MARK: - Capacity

    private var capacityTable: [[String]] {
        [["system", "plan", "measured /s", "simulated /s", "simulated over measured", "note"]]
            + result.systems.map { line in
                let ratio = line.capacity.flatMap { real in line.simulatedCapacity.map { $0 / real } }
                return [
                    name(line.system), line.plan.isEmpty ? FigureText.missing : line.plan,
                    FigureText.rate(line.capacity), FigureText.rate(line.simulatedCapacity),
                    FigureText.number(ratio, 2), line.problem ?? "",
                ]
            }
    }

    private var capacityFigure: ReportFigure {
        let shown = result.systems.filter { $0.problem == nil }
        let chart = GroupedBars(
            title: "Capacity", subtitle: subtitle, yTitle: "requests/s", groups: shown.map { name($0.system) },
            series: [
                GroupedBars.Series(name: "measured", values: shown.map(\.capacity)),
                GroupedBars.Series(name: "simulated", values: shown.map(\.simulatedCapacity)),
            ])
        return ReportFigure(name: "capacity", svg: chart.svg)
    }

    // MARK: - Comparisons

    private func table(_ comparisons: [LiveComparison]) -> [[String]] {
        func text(_ ratio: LiveComparison.Ratio?) -> String {
            guard let ratio else { return FigureText.missing }
            guard ratio.low < ratio.high else { return FigureText.number(ratio.mean, 3) }
            return "\(FigureText.number(ratio.mean, 3)) (\(FigureText.number(ratio.low, 3)) to "
                + "\(FigureText.number(ratio.high, 3)))"
        }
        return [
            [
                "baseline", "at", "seeds", "left out", "w_total s theirs", "ours", "ratio", "simulated", "e2e ratio",
                "throughput ratio", "target",
            ]
        ]
            + comparisons.map { line in
                [
                    name(line.baseline), FigureText.percent(line.share, 0), "\(line.seeds.count)", "\(line.disturbed)",
                    FigureText.number(line.theirs, 3), FigureText.number(line.ours, 3), text(line.waiting),
                    text(line.simulated), text(line.total), text(line.throughput),
                    line.isReached ? "reached" : "not reached",
                ]
            }
    }

    private func waiting(_ comparisons: [LiveComparison]) -> ReportFigure {
        let share = result.settings.shares.max() ?? 0.9
        let shown = comparisons.filter { $0.share == share }
        func series(_ title: String, _ value: (LiveResult.Run) -> Double?, ours: Bool) -> GroupedBars.Series {
            let values = shown.map { comparison in
                result.runs.filter {
                    $0.baseline == comparison.baseline && $0.share == share && $0.isSound
                        && ($0.system == .e2llm) == ours
                }.compactMap(value)
            }
            return GroupedBars.Series(
                name: title, values: values.map { $0.isEmpty ? nil : $0.reduce(0, +) / Double($0.count) },
                spreads: values.map { (($0.max() ?? 0) - ($0.min() ?? 0)) / 2 })
        }
        let chart = GroupedBars(
            title: "Waiting at \(FigureText.percent(share, 0)) of each baseline's own capacity", subtitle: subtitle,
            yTitle: "mean w_total, s", groups: shown.map { name($0.baseline) },
            series: [
                series("theirs, measured", { $0.real.waiting }, ours: false),
                series("ours, measured", { $0.real.waiting }, ours: true),
                series("theirs, simulated", { $0.simulated?.waiting }, ours: false),
                series("ours, simulated", { $0.simulated?.waiting }, ours: true),
            ])
        return ReportFigure(name: "waiting", svg: chart.svg)
    }

    // MARK: - Runs

    private var runTable: [[String]] {
        func both(_ run: LiveResult.Run, _ value: (LadderFigures) -> Double) -> [String] {
            [FigureText.number(value(run.real), 3), FigureText.number(run.simulated.map(value), 3)]
        }
        return [
            [
                "run", "requests/s", "n", "finished", "w_total", "simulated", "ttft", "simulated", "tpot", "simulated",
                "e2e",
                "simulated", "throughput", "simulated", "others", "judged",
            ]
        ]
            + result.runs.map { run in
                [run.name, FigureText.rate(run.rate), "\(run.requests)", "\(run.finished)"] + both(run, \.waiting)
                    + both(run, \.timeToFirstToken) + both(run, \.timePerOutputToken) + both(run, \.total)
                    + both(run, \.throughput)
                    + [FigureText.percent(run.machine.disturbance), run.isSound ? "yes" : "no"]
            }
    }

    private var parts: ReportFigure {
        let share = result.settings.shares.max() ?? 0.9
        let seed = result.settings.seeds.first
        let bars = result.runs.filter { $0.share == share && $0.seed == seed }.map { run in
            StackedBars.Bar(
                name: run.system == .e2llm ? "ours at the rate of \(name(run.baseline))" : name(run.system),
                parts: Array(run.real.parts.prefix(4)))
        }
        let chart = StackedBars(
            title: "Waiting by part at \(FigureText.percent(share, 0))", subtitle: subtitle,
            xTitle: "seconds, measured",
            parts: ["prefill queue", "decoder memory", "KV transfer", "decode queue"], bars: bars)
        return ReportFigure(name: "parts", svg: chart.svg)
    }

    private var subtitle: String { "\(result.model), \(result.machine), \(result.runs.count) runs" }
}
