internal import Domain
internal import Drawing
internal import Simulation

/// The pictures of some runs.
struct RunFigures {
    let runs: [RunRecord]
    let labels: RunLabels
    let window: GanttWindow

    /// Pictures of all runs together, then those of each run.
    var all: [ReportFigure] {
        var figures = [figure("waiting", waiting), figure("distributions", distributions)]
        if runs.count > 1 { figures.append(figure("percentiles", percentiles)) }
        if Set(runs.map(\.rate)).count > 1 { figures.append(figure("rates", rates)) }
        for index in runs.indices {
            let levels = RunLevels(runs[index])
            add(requests(index, levels), "requests", index, to: &figures)
            add(use(index, levels), "use", index, to: &figures)
            add(gantt(index), "gantt", index, to: &figures)
        }
        return figures
    }

    private func figure(_ name: String, _ svg: String) -> ReportFigure { ReportFigure(name: name, run: nil, svg: svg) }

    private func add(_ svg: String?, _ name: String, _ index: Int, to figures: inout [ReportFigure]) {
        guard let svg else { return }
        figures.append(ReportFigure(name: runs.count > 1 ? "\(name)-\(index + 1)" : name, run: index, svg: svg))
    }

    // MARK: - All runs

    private var waiting: String {
        let summaries = runs.map(RunSummary.init)
        return StackedBars(
            title: "Mean waiting of a request by part", subtitle: labels.subtitle, xTitle: "seconds",
            parts: [
                "w_prefill: for prefill", "w_kvmem: for room on the decoder", "t_kv: KV transfer",
                "w_decode: for the first step", "stall: by prompts",
            ],
            bars: zip(labels.names, summaries).map { name, summary in
                StackedBars.Bar(
                    name: name,
                    parts: [
                        summary.prefillWait.mean, summary.memoryWait.mean, summary.transfer.mean,
                        summary.decodeWait.mean, summary.stall.mean,
                    ])
            }
        ).svg
    }

    private var distributions: String {
        func panel(_ title: String, _ value: (RequestTimes) -> Double?) -> DistributionChart.Panel {
            DistributionChart.Panel(
                title: title,
                values: runs.map { run in run.requests.compactMap { $0.outcome == .finished ? value($0) : nil } })
        }
        return DistributionChart(
            title: "Distributions over requests", subtitle: labels.subtitle, names: labels.names,
            panels: [
                panel("w_total, seconds", \.waiting), panel("TTFT, seconds", \.timeToFirstToken),
                panel("TPOT, seconds a token", \.timePerOutputToken), panel("E2E, seconds", \.total),
            ]
        ).svg
    }

    private var percentiles: String {
        GroupedBars(
            title: "Waiting of a request (w_total)", subtitle: labels.subtitle, yTitle: "seconds",
            groups: ["mean", "P50", "P90", "P99"],
            series: zip(labels.names, runs).map { name, run in
                let waiting = RunSummary(run).waiting
                return GroupedBars.Series(name: name, values: [waiting.mean, waiting.p50, waiting.p90, waiting.p99])
            }
        ).svg
    }

    /// Mean waiting over the rate, for each system.
    private var rates: String {
        var order: [String] = []
        var points: [String: [LineChart.Point]] = [:]
        for run in runs {
            let name = run.isOracle ? run.system + " (knows lengths)" : run.system
            if points[name] == nil { order.append(name) }
            points[name, default: []].append(LineChart.Point(x: run.rate, y: RunSummary(run).waiting.mean))
        }
        return LineChart(
            title: "Mean waiting by rate", subtitle: labels.subtitle, xTitle: "requests per second",
            yTitle: "mean w_total, seconds",
            lines: order.map { name in
                LineChart.Line(name: name, points: (points[name] ?? []).sorted { ($0.x, $0.y) < ($1.x, $1.y) })
            }
        ).svg
    }

    // MARK: - One run

    private func title(_ index: Int, _ text: String) -> String {
        runs.count > 1 ? "\(labels.names[index]): \(text)" : text.prefix(1).uppercased() + text.dropFirst()
    }

    private func requests(_ index: Int, _ levels: RunLevels) -> String? {
        guard levels.binSeconds > 0 else { return nil }
        // What waits lies on top.
        let order: [RunLevels.State] = [.decode, .handover, .prefill, .waiting]
        return AreaChart(
            title: title(index, "requests over time"), subtitle: labels.subtitle(index), yTitle: "requests",
            start: levels.start, binSeconds: levels.binSeconds,
            areas: order.map { (name: $0.rawValue, values: levels.requests[$0] ?? []) }
        ).svg
    }

    /// Devices and links where they were recorded, and KV cache.
    private func use(_ index: Int, _ levels: RunLevels) -> String? {
        guard levels.binSeconds > 0 else { return nil }
        var sections: [HeatMap.Section] = []
        var (start, width) = (levels.start, levels.binSeconds)
        var count = levels.requests[.waiting]?.count ?? 0
        if let timeline = runs[index].timeline, timeline.binSeconds > 0, timeline.binSeconds.isFinite {
            (start, width) = (timeline.start, timeline.binSeconds)
            count = min(1 << 16, (timeline.devices + timeline.network).map(\.shares.count).max() ?? 0)
            let run = runs[index]
            sections.append(
                HeatMap.Section(title: "Devices compute", rows: Self.rows(timeline.devices, run.devices)))
            sections.append(
                HeatMap.Section(title: "Network sends KV", rows: Self.rows(timeline.network, run.network)))
        }
        // In the same bins as devices and links.
        let shared =
            sections.isEmpty
            ? levels
            : RunLevels(runs[index], from: start, to: start + Double(count) * width, bins: max(1, count))
        let cache = shared.replicas.map { replica in
            let most = max(1, replica.capacity.map(Double.init) ?? replica.tokens.max() ?? 0)
            let mean = replica.tokens.reduce(0, +) / Double(max(1, replica.tokens.count))
            return HeatMap.Row(
                name: replica.id.rawValue, shares: replica.tokens.map { $0 / most },
                note: replica.capacity == nil ? ReportText.number(mean) : ReportText.percent(mean / most))
        }
        sections.append(HeatMap.Section(title: "KV cache held", rows: cache))
        sections.removeAll(where: \.rows.isEmpty)
        guard !sections.isEmpty else { return nil }
        return HeatMap(
            title: title(index, "use over time"), subtitle: labels.subtitle(index), start: start, binSeconds: width,
            sections: sections
        ).svg
    }

    /// Rows with the record's own means, for the last bin is not whole.
    private static func rows(_ uses: [RunTimeline.Use], _ means: [RunRecord.Use]) -> [HeatMap.Row] {
        let shares = Dictionary(means.map { ($0.name, $0.share) }, uniquingKeysWith: { $1 })
        return uses.map { use in
            HeatMap.Row(name: use.name, shares: use.shares, note: shares[use.name].map(ReportText.percent))
        }
    }

    private func gantt(_ index: Int) -> String? {
        GanttChart(
            runs[index], title: title(index, "stages, links and KV cache"), subtitle: labels.subtitle(index),
            window: window
        ).svg
    }
}
