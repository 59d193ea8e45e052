internal import Simulation

/// The report of a run of the paper's table, as a Markdown document.
public struct PaperReport: Sendable {
    let result: PaperResult

    /// Makes the report of some values.
    public init(_ result: PaperResult) { self.result = result }

    /// The document.
    public var markdown: String {
        var lines = ["# The paper's table", ""]
        lines += introduction
        for slowdown in result.settings.slowdowns {
            let outcomes = result.outcomes.filter { $0.slowdown == slowdown }
            if !outcomes.isEmpty { lines += [""] + PaperTableReport(slowdown: slowdown, outcomes: outcomes).lines }
        }
        if !result.variations.isEmpty { lines += [""] + PaperVariationReport(variations: result.variations).lines }
        lines += [""] + PaperCloseness(result: result).lines
        return lines.joined(separator: "\n") + "\n"
    }

    private var introduction: [String] {
        let settings = result.settings
        let systems = PaperExperiment.systems.map { "* `\($0.rawValue)`: \($0.title)" }
        return [
            "The seven devices, the model and the workloads of E2LLM (arXiv 2606.03770), simulated; beside its figures those of "
                + "this software. \(settings.requests) requests a cell, seed \(settings.seed), "
                + "\(FigureText.number(result.seconds, 0)) s.",
            "",
        ] + systems + [
            "",
            "Requests come at fixed intervals; lengths are log-normal with the paper's means and a standard deviation of "
                + "\(FigureText.percent(PaperWorkload.lengthSpread, 0)). Every plan keeps "
                + "\(FigureText.number(PaperExperiment.minimumTokensPerSecond, 0)) tokens/s for each decoding request by its "
                + "own estimate; the services behind `e2llm` decode up to "
                + "\(PaperExperiment.largestBatch) sequences together all the same where that ends requests sooner. Waiting is `w_total`: end-to-end time without the request's own prefill and decoding; in "
                + "overload it grows with the number of requests.",
            "",
            "A slowdown of 1 is what public measurements of GPT-OSS-20B on such devices say (`PaperFleet`); "
                + "\(FigureText.number(PaperSettings.calibratedSlowdown, 1)) is the one factor on all devices at which the "
                + "paper's E2LLM waits about as long as the paper says in one cell, `extended` every second. All other figures "
                + "follow from it.",
        ]
    }
}
