internal import Planning

/// The part of the report about fleets of all sizes in one mode.
struct FleetReport {
    let mode: SuiteMode
    let outcomes: [FleetOutcome]

    var lines: [String] {
        let summary = FleetSummary(mode: mode, outcomes)
        var lines = ["## Generated fleets beside the baselines, \(mode.rawValue)", ""]
        lines.append(
            "\(summary.compared) fleets compared with the best baseline, \(summary.withoutBaseline) without any baseline, "
                + "\(summary.withoutPlan) without a plan of the planner.")
        lines += [""] + MarkdownTable.lines([["measure", "value", "target", "reached"]] + measures(summary))
        lines += [""] + below
        lines += [""] + MarkdownTable.lines([sizeHead] + sizes.map(sizeRow))
        lines += [""] + MarkdownTable.lines([fleetHead] + outcomes.map(fleetRow))
        return lines + problems
    }

    // MARK: - Together

    private func measures(_ summary: FleetSummary) -> [[String]] {
        let figures: [(name: String, value: Double?, isShare: Bool)] = [
            ("ratio, all fleets", summary.ratio, false),
            ("ratio, up to 8 devices", summary.smallRatio, false), ("worst ratio", summary.worst, false),
            ("fleets below \(FleetSummary.leastRatio)", summary.belowBaseline, true),
            ("median gap to the bound", summary.medianGap, true),
        ]
        return figures.map { figure in
            func text(_ value: Double?) -> String {
                figure.isShare ? FigureText.percent(value) : FigureText.number(value, 3)
            }
            guard let target = summary.targets.first(where: { $0.name == figure.name }) else {
                return [figure.name, text(figure.value), FigureText.missing, FigureText.missing]
            }
            let limit = "\(target.isLeast ? ">=" : "<=") \(text(target.limit))"
            let reached = target.isMet.map { $0 ? "yes" : "no" } ?? FigureText.missing
            return [figure.name, text(figure.value), limit, reached]
        }
    }

    private var below: [String] {
        let worse = outcomes.filter { ($0.ratio ?? 1) < 1 }.sorted { ($0.ratio ?? 1) < ($1.ratio ?? 1) }
        guard !worse.isEmpty else { return ["The planner is below the best baseline nowhere."] }
        return ["Below the best baseline:", ""]
            + worse.map { outcome in
                let best = outcome.bestBaseline?.name ?? ""
                let wrong = outcome.contradictsBound ? "; **the baseline is above the bound for all plans**" : ""
                let share = FigureText.number(outcome.ratio, 4)
                return "* \(outcome.fleet.label): \(share) of \(best)\(wrong)"
            }
    }

    // MARK: - Sizes and fleets

    private var sizes: [Int] { Set(outcomes.map(\.fleet.devices)).sorted() }
    private var sizeHead: [String] {
        ["devices", "fleets", "ratio", "worst", "median gap", "planner s", "baselines s"]
    }

    private func sizeRow(_ devices: Int) -> [String] {
        let outcomes = outcomes.filter { $0.fleet.devices == devices }
        let summary = FleetSummary(mode: mode, outcomes)
        func mean(_ value: (FleetOutcome) -> Double) -> String {
            FigureText.number(outcomes.reduce(0) { $0 + value($1) } / Double(max(1, outcomes.count)), 2)
        }
        return [
            "\(devices)", "\(outcomes.count)", FigureText.number(summary.ratio, 3), FigureText.number(summary.worst, 3),
            FigureText.percent(summary.medianGap), mean(\.planner.seconds),
            mean { $0.baselines.reduce(0) { $0 + $1.seconds } },
        ]
    }

    private var fleetHead: [String] {
        ["devices", "seed", "model", "fleet", "planner"] + Baseline.Kind.allCases.map(\.rawValue)
            + ["ratio", "bound", "gap", "s"]
    }

    private func fleetRow(_ outcome: FleetOutcome) -> [String] {
        let rates = Baseline.Kind.allCases.map { kind in outcome.baselines.first { $0.name == kind.rawValue }?.rate }
        return [
            "\(outcome.fleet.devices)", "\(outcome.fleet.seed)", outcome.fleet.model, outcome.fleet.title,
            FigureText.rate(outcome.planner.rate),
        ] + rates.map(FigureText.rate) + [
            FigureText.number(outcome.ratio, 3), FigureText.rate(outcome.upperBound), FigureText.percent(outcome.gap),
            FigureText.number(outcome.planner.seconds, 1),
        ]
    }

    /// Why there is no plan, each reason once.
    private var problems: [String] {
        var counts: [String: Int] = [:]
        for plan in outcomes.flatMap({ [$0.planner] + $0.baselines }) {
            if let problem = plan.problem { counts[problem, default: 0] += 1 }
        }
        guard !counts.isEmpty else { return [] }
        return ["", "Why there is no plan:", ""]
            + counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "* \($0.value) x \($0.key)" }
    }
}
