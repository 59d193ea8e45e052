/// The part of the report about small fleets.
struct SmallReport {
    /// Fleets that are named where the heuristic search is furthest from the optimum.
    private static let shown = 10

    let outcomes: [SmallOutcome]

    var lines: [String] {
        let summary = SmallSummary(outcomes)
        var lines = ["## Small fleets beside the optimum", ""]
        lines.append(
            "The optimum of up to \(ExhaustivePlans.mostDevices) devices is from trying every choice of groups and roles, "
                + "without the planner's search (what a group can do is computed by the same code); that of more devices, and "
                + "where the network limits the plan, is the bound of the planner's exact search, so that a plan that is not "
                + "proved counts as below the optimum. All maximise the rate.")
        lines += ["", "\(summary.count) fleets with a plan, \(summary.withoutPlan) without any."]
        let head = ["", "optimal", "within 1 %", "worst share of the optimum", "proved"]
        lines += [""] + MarkdownTable.lines([head, plannerRow, heuristicRow])
        lines += [""] + MarkdownTable.lines([sizeHead] + sizes.map(sizeRow))
        lines += [""] + contradictions + worst
        return lines
    }

    private var plannerRow: [String] {
        let summary = SmallSummary(outcomes)
        let within = Averages.share(planned.map(\.plannerShare)) { $0 >= 0.99 }
        return [
            "planner", FigureText.percent(summary.plannerOptimal), FigureText.percent(within),
            FigureText.number(summary.plannerWorst, 4), FigureText.percent(summary.proved),
        ]
    }

    private var heuristicRow: [String] {
        let summary = SmallSummary(outcomes)
        return [
            "heuristic search alone", FigureText.percent(summary.heuristicOptimal),
            FigureText.percent(summary.heuristicWithinOnePercent), FigureText.number(summary.heuristicWorst, 4),
            FigureText.missing,
        ]
    }

    // MARK: - Sizes

    private var planned: [SmallOutcome] { outcomes.filter(\.hasPlan) }
    private var sizes: [Int] { Set(planned.map(\.fleet.devices)).sorted() }

    private var sizeHead: [String] {
        [
            "devices", "fleets", "optimum from", "planner worst", "heuristic optimal", "heuristic worst",
            "median gap of the bound", "planner s", "heuristic and bound s", "enumeration s",
        ]
    }

    private func sizeRow(_ devices: Int) -> [String] {
        let outcomes = planned.filter { $0.fleet.devices == devices }
        let summary = SmallSummary(outcomes)
        let gaps = outcomes.compactMap { outcome in outcome.certificate.map { $0 / outcome.optimum - 1 } }
        func mean(_ value: (SmallOutcome) -> Double) -> String {
            FigureText.number(outcomes.reduce(0) { $0 + value($1) } / Double(max(1, outcomes.count)), 3)
        }
        let isEnumerated = outcomes.contains { $0.reference == .enumeration }
        return [
            "\(devices)", "\(outcomes.count)", isEnumerated ? "enumeration" : "exact search",
            FigureText.number(summary.plannerWorst, 4), FigureText.percent(summary.heuristicOptimal),
            FigureText.number(summary.heuristicWorst, 4), FigureText.percent(Averages.median(gaps)),
            mean(\.seconds.planner), mean(\.seconds.heuristic),
            isEnumerated ? mean(\.seconds.enumeration) : FigureText.missing,
        ]
    }

    // MARK: - What stands out

    private var contradictions: [String] {
        let wrong = outcomes.filter(\.isContradiction)
        guard !wrong.isEmpty else { return ["No figure contradicts another one."] }
        let head = "**Figures that contradict each other** (a bound below the optimum, a plan above it, a false proof):"
        return [head, ""] + wrong.map(contradiction)
    }

    private func contradiction(_ outcome: SmallOutcome) -> String {
        let figures = [
            "optimum \(FigureText.rate(outcome.optimum))",
            "planner \(FigureText.rate(outcome.plannerRate))\(outcome.isProved ? " (proved)" : "")",
            "heuristic \(FigureText.rate(outcome.heuristicRate))", "bound \(FigureText.rate(outcome.certificate))",
        ]
        return "* \(outcome.fleet.label), \(outcome.mode.rawValue): \(figures.joined(separator: ", "))"
    }

    private var worst: [String] {
        let below = planned.filter { min($0.plannerShare, $0.heuristicShare) < 0.99 }
            .sorted { ($0.heuristicShare, $0.fleet.seed) < ($1.heuristicShare, $1.fleet.seed) }
        guard !below.isEmpty else { return [] }
        return ["", "Furthest from the optimum:", ""]
            + below.prefix(Self.shown).map { outcome in
                "* \(outcome.fleet.label), \(outcome.mode.rawValue): heuristic "
                    + "\(FigureText.number(outcome.heuristicShare, 4)), planner "
                    + "\(FigureText.number(outcome.plannerShare, 4)) of the optimum"
            }
    }
}
