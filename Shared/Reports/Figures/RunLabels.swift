internal import Drawing
internal import Simulation

/// Names of runs that stand side by side, and what charts say of them.
struct RunLabels {
    /// A name for each run, no two alike.
    let names: [String]
    private let runs: [RunRecord]

    init(_ runs: [RunRecord]) {
        self.runs = runs
        let systems = runs.map { run in
            let name = run.system.isEmpty ? "run" : run.system
            return run.isOracle ? name + " (knows lengths)" : name
        }
        // As much as tells them apart: where it is from, fleet, stream, rate, seed.
        let parts: [[String]] = [
            runs.map(\.source.rawValue), runs.map(\.fleet), runs.map(\.workload),
            runs.map { "\(ReportText.number($0.rate))/s" }, runs.map { "seed \($0.seed)" },
        ]
        var names = systems
        for (number, part) in parts.enumerated() where Set(part).count > 1 {
            let before = names
            // A rate is always said where there are several.
            for index in runs.indices where number == 3 || before.count(where: { $0 == before[index] }) > 1 {
                names[index] += ", " + part[index]
            }
        }
        var seen: [String: Int] = [:]
        for index in runs.indices {
            seen[names[index], default: 0] += 1
            if let count = seen[names[index]], count > 1 { names[index] += " (\(count))" }
        }
        self.names = names
    }

    /// `n = 500, 2 requests/s, seed 1`, of all runs.
    var subtitle: String {
        if runs.count == 1 { return subtitle(0) }
        let finished = ReportText.range(runs.map { Double(Self.finished($0)) }) { "\(Int($0))" }
        let rates = ReportText.range(runs.map(\.rate), ReportText.number)
        let seeds = Set(runs.map(\.seed)).sorted()
        let seed = seeds.count == 1 ? "seed \(seeds[0])" : "seeds \(ReportText.list(seeds.map { "\($0)" }))"
        return "\(runs.count) runs, n = \(finished) finished requests each, \(rates) requests/s, \(seed)"
    }

    /// The same of one run.
    func subtitle(_ index: Int) -> String {
        let run = runs[index]
        let (finished, all) = (Self.finished(run), run.requests.count)
        let number = finished == all ? "n = \(all)" : "n = \(finished) finished of \(all)"
        return "\(number) requests, \(ReportText.number(run.rate)) requests/s, seed \(run.seed)"
    }

    private static func finished(_ run: RunRecord) -> Int { run.requests.count { $0.outcome == .finished } }
}
