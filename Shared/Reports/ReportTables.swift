internal import Drawing
internal import Simulation

/// The tables of a report.
struct ReportTables {
    let runs: [RunRecord]
    let names: [String]
    private let summaries: [RunSummary]

    /// Devices and links of a table at most.
    private static let mostRows = 400

    init(runs: [RunRecord], names: [String]) {
        self.runs = runs
        self.names = names.map(RunReport.short)
        summaries = runs.map(RunSummary.init)
    }

    /// What was asked of which system, and what came out.
    func conditions(_ body: inout SVGText) {
        func line(_ name: String, _ value: (RunRecord, RunSummary) -> String) -> [String] {
            [name] + zip(runs, summaries).map { RunReport.short(value($0, $1)) }
        }
        let number = ReportText.number
        ReportPage.table(
            &body, [""] + names,
            [
                line("record", { run, _ in run.source.rawValue }), line("system", { run, _ in run.system }),
                line("output lengths", { run, _ in run.isOracle ? "known" : "not known" }),
                line("fleet", { run, _ in run.fleet }), line("model", { run, _ in run.model }),
                line("workload", { run, _ in run.workload }),
                line("requests/s asked for", { run, _ in number(run.rate) }),
                line("seed", { run, _ in "\(run.seed)" }),
                line("requests (n)", { _, summary in "\(summary.requests)" }),
                line("finished", { _, summary in "\(summary.finished)" }),
                line("refused", { run, _ in "\(run.requests.count { $0.outcome == .refused })" }),
                line("sent again", { run, _ in number(run.requests.reduce(0) { $0 + Double($1.retries) }) }),
                line("seconds", { run, _ in number(run.seconds) }),
                line("requests/s finished", { _, summary in number(summary.throughput) }),
                line("tokens/s", { _, summary in number(summary.tokensPerSecond) }),
            ])
    }

    /// Mean, spread and percentiles of every measure.
    func measures(_ body: inout SVGText) {
        let measures: [(String, KeyPath<RunSummary, Distribution>)] = [
            ("w_prefill", \.prefillWait), ("w_kvmem", \.memoryWait), ("t_kv", \.transfer), ("w_decode", \.decodeWait),
            ("stall", \.stall), ("w_total", \.waiting), ("w_queue", \.queueing), ("ttft", \.timeToFirstToken),
            ("tpot", \.timePerOutputToken), ("e2e", \.total),
        ]
        let isOne = runs.count == 1
        var rows: [[String]] = []
        for (name, path) in measures {
            for (run, summary) in zip(names, summaries) {
                let values = summary[keyPath: path]
                let figures = [values.mean, values.std, values.p50, values.p90, values.p99, values.max]
                rows.append([name] + (isOne ? [] : [run]) + ["\(values.count)"] + figures.map(ReportText.number))
            }
        }
        ReportPage.table(
            &body, ["measure"] + (isOne ? [] : ["run"]) + ["n", "mean", "std", "P50", "P90", "P99", "largest"], rows)
    }

    /// How much of the run devices and links were busy.
    func uses(_ body: inout SVGText) {
        add(&body, "Devices: share of the run that they compute", runs.map(\.devices))
        add(&body, "Network: share of the run that it sends KV", runs.map(\.network))
    }

    private func add(_ body: inout SVGText, _ title: String, _ uses: [[RunRecord.Use]]) {
        let shares = uses.map { Dictionary($0.map { ($0.name, $0.share) }, uniquingKeysWith: { $1 }) }
        let all = Set(shares.flatMap(\.keys)).sorted()
        guard !all.isEmpty else { return }
        body.element("h2", [:]) { $0.write(title) }
        ReportPage.table(
            &body, [""] + names,
            all.prefix(Self.mostRows).map { name in
                [RunReport.short(name)] + shares.map { $0[name].map(ReportText.percent) ?? "-" }
            })
        if all.count > Self.mostRows {
            body.element("p", [:]) { $0.write("and \(all.count - Self.mostRows) more") }
        }
    }
}
