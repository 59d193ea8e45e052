internal import Reports
internal import Simulation

/// The report of a validation of the simulator.
public struct ValidationReport: Sendable {
    private let result: ValidationResult

    /// Makes the report of some values.
    public init(_ result: ValidationResult) { self.result = result }

    /// The document.
    public var markdown: String { page.markdown }
    /// One page with the plots, which needs nothing else.
    public var html: String { page.html }
    /// The plots, by names for files.
    public var pictures: [(name: String, svg: String)] { page.figures.map { ($0.name, $0.svg) } }

    private static let names = ["ttft", "tpot", "e2e", "w_total", "w_prefill", "w_kvmem", "t_kv", "w_decode"]

    private var page: ReportPage {
        var blocks: [ReportBlock] = [
            .text(
                "Measured on \(result.machine) with \(result.model): each setting is a fleet of real services whose devices "
                    + "are emulated on this machine; the simulator gets the same plan, profile and arrivals."),
            .list(definitions), .heading("Together"), .table(together), .heading("Runs"), .table(runTable),
            .figure(errors), .heading("Request by request"), .table(requestTable), .heading("Percentiles"),
            .table(percentiles), .heading("Settings"),
            .list(
                result.settings.map { setting in
                    let problem = result.problems[setting.name].map { "; NOT measured: \($0)" } ?? ""
                    return
                        "\(setting.name): \(setting.title). \(setting.devices.map(\.text).joined(separator: "; "))\(problem)"
                }),
        ]
        if result.runs.isEmpty { blocks = blocks.filter { if case .figure = $0 { false } else { true } } }
        return ReportPage(title: "The simulator beside reality", blocks: blocks)
    }

    private var definitions: [String] {
        [
            "Error: simulated over measured, minus 1. MPE and MAPE: mean of the requests' relative errors, with and without "
                + "sign, of requests that took at least 10 ms; a dash where there is none.",
            "Rates are shares of what the plan sustains in simulation. Stalls are not reported by the services and count in neither.",
            "Others: share of the processors' time that other programs and the hypervisor took. Above "
                + "\(FigureText.percent(MachineUse.mostDisturbance, 0)), or where requests did not finish, a run is not judged.",
        ]
    }

    private var together: [[String]] {
        let judged = result.runs.filter(\.isSound)
        return [["measure", "mean error without sign", "runs with it"]]
            + Self.names.map { name in
                let count = judged.flatMap(\.measures).count { $0.name == name && $0.error != nil }
                return [name, FigureText.percent(result.meanError(name)), "\(count) of \(judged.count)"]
            }
            + [
                [
                    "throughput",
                    FigureText.percent(
                        judged.isEmpty
                            ? nil
                            : judged.compactMap { $0.throughputError?.magnitude }.reduce(0, +) / Double(judged.count)),
                    "\(judged.count) of \(judged.count)",
                ]
            ]
    }

    private func label(_ run: ValidationRun) -> String { "\(run.setting) at \(FigureText.percent(run.share, 0))" }

    private var runTable: [[String]] {
        [
            ["run", "requests/s", "n", "finished"] + Self.names.map { "\($0) error" }
                + ["throughput error", "others", "steal", "load", "judged"]
        ]
            + result.runs.map { run in
                [label(run), FigureText.rate(run.rate), "\(run.requests)", "\(run.finished)"]
                    + run.measures.map { FigureText.percent($0.error) }
                    + [
                        FigureText.percent(run.throughputError), FigureText.percent(run.machine.others),
                        FigureText.percent(run.machine.steal), FigureText.number(run.machine.load, 2),
                        run.isSound ? "yes" : "no",
                    ]
            }
    }

    private var requestTable: [[String]] {
        [["run"] + Self.names.flatMap { ["\($0) MPE", "MAPE"] }]
            + result.runs.map { run in
                [label(run)]
                    + run.measures.flatMap {
                        [FigureText.percent($0.meanError), FigureText.percent($0.meanAbsoluteError)]
                    }
            }
    }

    private var percentiles: [[String]] {
        [["run", "measure", "mean", "simulated", "P50", "simulated", "P90", "simulated", "P99", "simulated"]]
            + result.runs.flatMap { run in
                run.measures.map { measure in
                    let (real, simulated) = (measure.real, measure.simulated)
                    return [label(run), measure.name]
                        + [
                            real.mean, simulated.mean, real.p50, simulated.p50, real.p90, simulated.p90, real.p99,
                            simulated.p99,
                        ].map { FigureText.number($0, 4) }
                }
            }
    }

    private var errors: ReportFigure {
        let shown = ["ttft", "tpot", "e2e", "w_total"]
        let chart = GroupedBars(
            title: "Error of the simulated means", subtitle: "\(result.model), \(result.machine)",
            yTitle: "simulated over measured - 1", groups: result.runs.map(label),
            series: shown.map { name in
                GroupedBars.Series(
                    name: name, values: result.runs.map { run in run.measures.first { $0.name == name }?.error })
            })
        return ReportFigure(name: "errors", svg: chart.svg)
    }
}
