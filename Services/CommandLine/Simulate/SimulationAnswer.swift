import Domain
import Drawing
import Simulation

/// What `e2llm simulate` prints.
struct SimulationAnswer: Encodable {
    var system: String
    var title: String
    var oracle: Bool
    var summary: RunSummary
    var planned: Double
    /// The largest rate with bounded queues, where it was asked for.
    var capacity: Double?
    var makespan: Double
    /// Why requests did not finish, and how many of them.
    var problems: [String: Int]
    private var isMeasured: Bool

    private enum CodingKeys: String, CodingKey {
        case system, title, oracle, summary, capacity, problems
        case planned = "planned_requests_per_s"
        case makespan = "makespan_s"
    }

    init(_ record: RunRecord, capacity: Double?) {
        system = record.system
        isMeasured = record.source == .measured
        title = isMeasured ? "measured" : SimulatedSystem(rawValue: record.system)?.title ?? record.system
        var counts: [String: Int] = [:]
        for request in record.requests where request.outcome != .finished {
            counts[request.problem ?? request.outcome.rawValue, default: 0] += 1
        }
        problems = counts
        oracle = record.isOracle
        summary = RunSummary(record)
        planned = record.plan?.predictedRequestsPerSecond ?? 0
        self.capacity = capacity
        makespan = record.seconds
    }

    var text: String {
        func number(_ value: Double) -> String { TableFigure.short(value) }
        var lines = [title + (oracle ? " (knows output lengths)" : "")]
        lines.append(
            "\(summary.finished) of \(summary.requests) requests finished in \(number(makespan)) s: "
                + "\(number(summary.throughput)) requests/s of \(number(summary.rate)) asked for, "
                + "\(number(summary.tokensPerSecond)) tokens/s")
        if let capacity { lines.append("queues stay bounded up to \(number(capacity)) requests/s") }
        lines += problems.sorted { $0.key < $1.key }.map { "not finished: \($0.value), \($0.key)" }
        var rows: [(String, Distribution)] = [
            ("w_prefill", summary.prefillWait), ("w_kvmem", summary.memoryWait), ("t_kv", summary.transfer),
            ("w_decode", summary.decodeWait), ("stall", summary.stall), ("w_total", summary.waiting),
            ("ttft", summary.timeToFirstToken), ("tpot", summary.timePerOutputToken), ("e2e", summary.total),
        ]
        // The services do not report it.
        if isMeasured { rows.removeAll { $0.0 == "stall" } }
        let head = ["seconds", "mean", "std", "p50", "p90", "p99"]
        let cells = rows.map { name, value in
            [name] + [value.mean, value.std, value.p50, value.p90, value.p99].map(number)
        }
        for row in [head] + cells {
            lines.append(
                row.enumerated().map { column, text in
                    let width = 10
                    let blank = String(repeating: " ", count: max(0, width - text.count))
                    return column == 0 ? text + blank : blank + text
                }.joined())
        }
        return lines.joined(separator: "\n")
    }
}

/// Figures as a table shows them.
enum TableFigure {
    /// Three significant digits, a dash where there is no figure. What is less than a hundred-thousandth is nothing to a
    /// reader, and would not fit a column.
    static func short(_ value: Double) -> String {
        guard value.isFinite else { return "-" }
        return value.magnitude < 1e-5 ? "0" : ReportText.number(value)
    }
}
