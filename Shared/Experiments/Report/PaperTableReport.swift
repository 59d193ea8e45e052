internal import Simulation

/// The tables of one slowdown.
struct PaperTableReport {
    let slowdown: Double
    let outcomes: [PaperOutcome]

    var lines: [String] {
        var lines = ["## Slowdown \(FigureText.number(slowdown, 1))", "", "Mean seconds of waiting:", ""]
        lines += MarkdownTable.lines([waitingHead] + cells.map(waitingRow))
        lines += [
            "",
            "Mean end-to-end seconds, and finished requests per second: less waiting is a gain only where neither is worse.",
            "",
        ]
        lines += MarkdownTable.lines([totalHead] + cells.map(totalRow))
        lines += ["", "All measures:", ""]
        lines += MarkdownTable.lines([measureHead] + outcomes.map(measureRow))
        let searched = outcomes.filter { $0.capacity != nil }
        if !searched.isEmpty {
            lines += ["", "Requests/s with bounded queues, with the plans for the interval:", ""]
            let head = ["workload", "every", "system", "capacity", "planned"]
            lines += MarkdownTable.lines([head] + searched.map(capacityRow))
        }
        return lines + [""] + plans
    }

    // MARK: - Waiting

    private struct Cell {
        var workload: PaperWorkload
        var interval: Double
        var outcomes: [PaperOutcome]

        func outcome(_ system: SimulatedSystem) -> PaperOutcome? { outcomes.first { $0.system == system } }
        func waiting(_ system: SimulatedSystem) -> Double? { outcome(system)?.figures?.summary.waiting.mean }
        func published(_ system: SimulatedSystem) -> Double? { outcome(system)?.published }
    }

    private var cells: [Cell] {
        var cells: [Cell] = []
        for outcome in outcomes {
            let index = cells.firstIndex { $0.workload == outcome.workload && $0.interval == outcome.interval }
            if let index {
                cells[index].outcomes.append(outcome)
            } else {
                cells.append(Cell(workload: outcome.workload, interval: outcome.interval, outcomes: [outcome]))
            }
        }
        return cells
    }

    private var waitingHead: [String] {
        [
            "workload", "every", "E2LLM: paper", "`paper`", "Splitwise: paper", "`splitwise-adapted`",
            "reduction: paper", "`paper`", "`e2llm`", "its reduction to `splitwise-adapted`", "to `paper`",
        ]
    }

    private func waitingRow(_ cell: Cell) -> [String] {
        func seconds(_ value: Double?) -> String { FigureText.number(value, 1) }
        let (ours, splitwise, best) = (cell.waiting(.paper), cell.waiting(.splitwiseAdapted), cell.waiting(.e2llm))
        return [
            cell.workload.title, "\(FigureText.number(cell.interval, 1)) s", seconds(cell.published(.paper)),
            seconds(ours), seconds(cell.published(.splitwiseAdapted)), seconds(splitwise),
            reduction(cell.published(.paper), cell.published(.splitwiseAdapted)), reduction(ours, splitwise),
            seconds(best), reduction(best, splitwise), reduction(best, ours),
        ]
    }

    /// A dash where both wait less than a second: there is nothing to reduce.
    private func reduction(_ value: Double?, _ base: Double?) -> String {
        guard let value, let base, max(value, base) >= 1, base > 0 else { return FigureText.missing }
        return FigureText.percent(1 - value / base)
    }

    private var totalHead: [String] {
        ["workload", "every"] + PaperExperiment.systems.flatMap { ["`\($0.rawValue)` e2e", "requests/s"] }
    }

    private func totalRow(_ cell: Cell) -> [String] {
        [cell.workload.title, "\(FigureText.number(cell.interval, 1)) s"]
            + PaperExperiment.systems.flatMap { system -> [String] in
                let summary = cell.outcome(system)?.figures?.summary
                return [FigureText.number(summary?.total.mean, 1), FigureText.number(summary?.throughput, 3)]
            }
    }

    // MARK: - Measures

    private var measureHead: [String] {
        [
            "workload", "every", "system", "w_total mean", "std", "p50", "p90", "p99", "w_prefill", "w_kvmem", "t_kv",
            "w_decode", "stall", "e2e", "requests/s", "prefill tokens/s", "decode tokens/s", "share at 15 tokens/s",
            "decode concurrency", "in the mean",
        ]
    }

    private func measureRow(_ outcome: PaperOutcome) -> [String] {
        let head = [
            outcome.workload.title, "\(FigureText.number(outcome.interval, 1)) s", "`\(outcome.system.rawValue)`",
        ]
        guard let figures = outcome.figures else {
            let missing = measureHead.dropFirst(head.count + 1).map { _ in FigureText.missing }
            return head + [outcome.problem ?? FigureText.missing] + missing
        }
        let summary = figures.summary
        let waiting = summary.waiting
        let seconds = [
            waiting.mean, waiting.std, waiting.p50, waiting.p90, waiting.p99, summary.prefillWait.mean,
            summary.memoryWait.mean, summary.transfer.mean, summary.decodeWait.mean, summary.stall.mean,
            summary.total.mean,
        ].map { FigureText.number($0, 1) }
        return head + seconds + [
            FigureText.number(summary.throughput, 3), FigureText.number(figures.prefillSpeed.mean, 0),
            FigureText.number(figures.decodeSpeed.mean, 1), FigureText.percent(figures.fastEnough, 0),
            "\(figures.decodeConcurrency)", FigureText.number(figures.meanConcurrency, 1),
        ]
    }

    // MARK: - Plans

    private func capacityRow(_ outcome: PaperOutcome) -> [String] {
        [
            outcome.workload.title, "\(FigureText.number(outcome.interval, 1)) s", "`\(outcome.system.rawValue)`",
            FigureText.rate(outcome.capacity), FigureText.rate(outcome.figures?.plannedRate),
        ]
    }

    private var plans: [String] {
        ["Plans (role x decode concurrency: devices with their blocks):", ""]
            + outcomes.map { outcome in
                let plan = outcome.figures.map { figures in
                    (figures.plan + figures.relaxations.map { "(\($0))" }).joined(separator: "; ")
                }
                return "* \(outcome.workload.title), every \(FigureText.number(outcome.interval, 1)) s, "
                    + "`\(outcome.system.rawValue)`: \(plan ?? outcome.problem ?? FigureText.missing)"
            }
    }
}
