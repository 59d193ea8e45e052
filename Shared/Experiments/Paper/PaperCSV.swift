internal import Simulation

/// The cells as lines of comma-separated values; empty where there is no figure.
struct PaperCSV {
    let result: PaperResult

    private static let names: [(String, any KeyPath<RunSummary, Distribution> & Sendable)] = [
        ("w_total", \.waiting), ("w_prefill", \.prefillWait), ("w_kvmem", \.memoryWait), ("t_kv", \.transfer),
        ("w_decode", \.decodeWait), ("stall", \.stall), ("ttft", \.timeToFirstToken), ("tpot", \.timePerOutputToken),
        ("e2e", \.total),
    ]
    private static let parts: [(String, any KeyPath<Distribution, Double> & Sendable)] = [
        ("mean", \.mean), ("std", \.std), ("p50", \.p50), ("p90", \.p90), ("p99", \.p99),
    ]

    var text: String {
        var head = [
            "slowdown", "workload", "interval_s", "system", "requests", "finished", "paper_w_total_mean",
            "decode_concurrency", "mean_decode_concurrency", "prefill_tokens_per_s", "decode_tokens_per_s",
            "share_at_minimum_speed", "throughput", "tokens_per_s", "planned_requests_per_s",
            "capacity_requests_per_s",
        ]
        for (name, _) in Self.names { head += Self.parts.map { "\(name)_\($0.0)" } }
        return ([head] + result.outcomes.map(line)).map { $0.joined(separator: ",") + "\n" }.joined()
    }

    private func line(_ outcome: PaperOutcome) -> [String] {
        func cell(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
        let figures = outcome.figures
        var cells = [
            "\(outcome.slowdown)", outcome.workload.rawValue, "\(outcome.interval)", outcome.system.rawValue,
            "\(outcome.requests)", figures.map { "\($0.summary.finished)" } ?? "", cell(outcome.published),
            figures.map { "\($0.decodeConcurrency)" } ?? "", cell(figures?.meanConcurrency),
            cell(figures?.prefillSpeed.mean), cell(figures?.decodeSpeed.mean), cell(figures?.fastEnough),
            cell(figures?.summary.throughput), cell(figures?.summary.tokensPerSecond), cell(figures?.plannedRate),
            cell(outcome.capacity),
        ]
        for (_, measure) in Self.names {
            cells += Self.parts.map { part in cell(figures?.summary[keyPath: measure][keyPath: part.1]) }
        }
        return cells
    }
}

extension PaperOutcome {
    /// The paper's mean wait of the system in this cell, seconds.
    var published: Double? {
        guard let cell = PublishedFigures.cell(workload, interval) else { return nil }
        switch system {
        case .paper: return cell.e2llm
        case .splitwiseAdapted: return cell.splitwise
        default: return nil
        }
    }
}
