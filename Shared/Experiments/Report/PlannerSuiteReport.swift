/// The report of a run of the planner suite, as a Markdown document.
public struct PlannerSuiteReport: Sendable {
    private let result: PlannerSuiteResult

    /// Makes the report of some values.
    public init(_ result: PlannerSuiteResult) { self.result = result }

    /// The document.
    public var markdown: String {
        var lines = ["# Quality of the default planner", ""]
        lines += introduction
        if !result.small.isEmpty { lines += [""] + SmallReport(outcomes: result.small).lines }
        for mode in SuiteMode.allCases {
            let outcomes = result.fleets.filter { $0.mode == mode }
            if !outcomes.isEmpty { lines += [""] + FleetReport(mode: mode, outcomes: outcomes).lines }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private var introduction: [String] {
        let settings = result.settings
        return [
            "Seed \(settings.seed); models \(settings.models.joined(separator: ", ")); "
                + "\(FigureText.number(result.seconds, 0)) s.",
            "",
            "Rates are requests per second that a plan sustains, by the cost model that all planners share. Lengths are those "
                + "of the conversation part of the Azure LLM inference trace 2023 (CC-BY 4.0; Patel et al., Splitwise, ISCA "
                + "2024) up to 2048 tokens: \(FigureText.number(SuiteTraffic.promptTokens, 1)) prompt and "
                + "\(FigureText.number(SuiteTraffic.outputTokens, 1)) output tokens in the mean.",
            "A fleet is drawn again with `FleetGenerator(deviceCount: devices, seed: seed)`; fleets that cannot hold the model "
                + "were replaced by the next seed. No minimum decode speed is asked for.",
            "",
            "* `off`: no streaming, KV as f16, the planner's replicas all mixed or all split.",
            "* `on`: KV streams and may travel as q8_0 for planner and baselines, the planner mixes roles.",
        ]
    }
}
