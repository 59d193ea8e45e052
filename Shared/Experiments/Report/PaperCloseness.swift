internal import Foundation
internal import Simulation

/// How close the paper's figures come out, and why not closer.
struct PaperCloseness {
    /// Cells in which the paper reports less than so many seconds say little: there a queue has hardly begun.
    private static let leastSeconds = 15.0

    let result: PaperResult

    var lines: [String] {
        ["## How close, and why not closer", ""] + result.settings.slowdowns.flatMap(measured) + [""] + reasons
    }

    /// Ratios of our mean waiting to the paper's for a system, over the cells in which the paper's system is overloaded.
    static func ratios(_ outcomes: [PaperOutcome], _ system: SimulatedSystem) -> [Double] {
        outcomes.filter { $0.system == system }.compactMap { outcome in
            guard let published = outcome.published, published >= leastSeconds, let figures = outcome.figures
            else { return nil }
            return figures.summary.waiting.mean / published
        }
    }

    private func measured(_ slowdown: Double) -> [String] {
        let outcomes = result.outcomes.filter { $0.slowdown == slowdown }
        let texts: [String] = [SimulatedSystem.paper, .splitwiseAdapted].compactMap { system in
            let ratios = Self.ratios(outcomes, system)
            guard let mean = Averages.geometricMean(ratios), let low = ratios.min(), let high = ratios.max() else {
                return nil
            }
            return "`\(system.rawValue)` \(FigureText.number(mean, 2)) (\(FigureText.number(low, 2)) to "
                + "\(FigureText.number(high, 2)), \(ratios.count) cells)"
        }
        guard !texts.isEmpty else { return [] }
        return [
            "* Slowdown \(FigureText.number(slowdown, 1)): mean waiting as a multiple of the paper's, geometric mean over cells "
                + "where the paper has at least \(FigureText.number(Self.leastSeconds, 0)) s: "
                + texts.joined(separator: "; ") + concurrency(outcomes) + speed(outcomes)
        ]
    }

    private func concurrency(_ outcomes: [PaperOutcome]) -> String {
        let texts: [String] = PaperWorkload.allCases.compactMap { workload in
            func mean(_ system: SimulatedSystem) -> Double? {
                let values = outcomes.filter { $0.workload == workload && $0.system == system }
                    .compactMap { $0.figures.map { Double($0.decodeConcurrency) } }
                return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
            }
            guard let ours = mean(.paper), let splitwise = mean(.splitwiseAdapted) else { return nil }
            let published = PublishedFigures.concurrency(workload)
            return "\(workload.title) \(FigureText.number(ours, 0)) and \(FigureText.number(splitwise, 0)) (paper "
                + "\(published.e2llm) and \(published.splitwise))"
        }
        return texts.isEmpty ? "" : "; decode concurrency, mean over intervals: " + texts.joined(separator: ", ")
    }

    private func speed(_ outcomes: [PaperOutcome]) -> String {
        func mean(_ system: SimulatedSystem) -> Double? {
            outcomes.first { $0.workload == .extended && $0.interval == 3 && $0.system == system }?.figures?.decodeSpeed
                .mean
        }
        guard let ours = mean(.paper), let splitwise = mean(.splitwiseAdapted) else { return "" }
        let published = PublishedFigures.decodeSpeed
        return "; decode tokens/s of extended every 3 s: \(FigureText.number(ours, 1)) and "
            + "\(FigureText.number(splitwise, 1)) (paper \(FigureText.number(published.e2llm, 1)) and "
            + "\(FigureText.number(published.splitwise, 1)))."
    }

    private var reasons: [String] {
        [
            "What stands between these figures and the paper's:",
            "",
            "* **Speeds.** The paper gives no speed of its devices. Public measurements make the fleet about "
                + "\(FigureText.number(PaperSettings.calibratedSlowdown, 1)) times as fast as its waiting times allow: its "
                + "engine, its power settings or its hops cost that. One factor for all devices cannot put right what differs "
                + "between them. Two numbers are fitted, this one and the number of requests; close cells beside the one "
                + "that was fitted say that the proportions are right, not that the speeds are.",
            "* **Number of requests.** Unknown, and in overload waiting grows with it. With a service time s per request, N "
                + "requests at an interval i wait about N (s - i) / 2 in the mean; the paper's pairs of 0.5 and 1 s give N = "
                + "76 and 145 for E2LLM and 141 for Splitwise (extended), and no solution for Splitwise (custom extended), "
                + "which waits longer at 1 s than at 0.5 s. Hence 100.",
            "* **Adapted Splitwise.** Known by one rule. Whether it applies to devices or replicas, whether groups are searched "
                + "under it or taken over, and how requests are routed is our choice: every prefill replica at least as fast "
                + "at prompts as every decoder replica, groups searched under the rule, fewest pending prompt tokens and "
                + "fewest assigned context tokens, blind to how fast a replica is.",
            "* **Light load.** The paper waits 3.5 and 8.1 s where nothing queues here. Its definition of waiting may contain "
                + "what `w_total` does not, such as hand-over between processes.",
            "* **Search.** Its genetic algorithm's population and generations are unknown; ours may find other groups.",
            "* **Experts.** Steps read the expected number of different experts; real routing is neither independent nor even.",
        ]
    }
}
