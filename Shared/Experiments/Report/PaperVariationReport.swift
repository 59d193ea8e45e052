internal import Simulation

/// What one setting at a time changes in the cell of `extended` every second.
struct PaperVariationReport {
    let variations: [PaperVariation]

    var lines: [String] {
        let head = ["changed"] + PaperExperiment.systems.flatMap { ["`\($0.rawValue)` w_total", "e2e"] }
        let intro =
            "Mean seconds in the cell of `extended` every second, at the last slowdown of the tables, one setting changed at "
            + "a time; custom extended where it says so:"
        return ["## What the choices decide", "", intro, ""] + MarkdownTable.lines([head] + variations.map(row))
    }

    private func row(_ variation: PaperVariation) -> [String] {
        [variation.label]
            + PaperExperiment.systems.flatMap { system -> [String] in
                let summary = variation.outcomes.first { $0.system == system }?.figures?.summary
                return [FigureText.number(summary?.waiting.mean, 1), FigureText.number(summary?.total.mean, 1)]
            }
    }
}
