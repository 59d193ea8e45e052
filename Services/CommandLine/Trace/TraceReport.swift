import Domain
import Drawing
import Protocol
import ServiceRuntime

/// A trace as people read it, and as JSON.
struct TraceReport: Encodable {
    struct Process: Encodable {
        var name: String
        var device: DeviceID?
        var problem: String?
        /// How far its clock is ahead of ours, in microseconds, as far as can be known.
        var clockOffset: Int?
        var clockUncertainty: Int?

        enum CodingKeys: String, CodingKey {
            case name, device, problem
            case clockOffset = "clock_offset_us"
            case clockUncertainty = "clock_uncertainty_us"
        }
    }

    struct Row: Encodable {
        var process: String
        var atMilliseconds: Double
        var waitedMilliseconds: Double?
        var waitedFor: String?
        var moment: TraceMoment

        enum CodingKeys: String, CodingKey {
            case process, moment
            case atMilliseconds = "at_ms"
            case waitedMilliseconds = "waited_ms"
            case waitedFor = "waited_for"
        }
    }

    var request: String?
    var processes: [Process]
    var notes: [String]
    var moments: [Row]
    var summary: TraceSummary

    private let showsRequests: Bool
    private let name: Int

    enum CodingKeys: String, CodingKey { case request, processes, notes, moments, summary }

    /// Reads a trace.
    init(_ trace: RequestTrace) {
        request = trace.name
        notes = trace.notes
        processes = trace.processes.map {
            Process(
                name: $0.name, device: $0.trace?.device, problem: $0.problem, clockOffset: $0.clock?.microseconds,
                clockUncertainty: $0.clock?.uncertainty)
        }
        let waits = TraceWaits(trace)
        moments = trace.own.map { entry in
            let wait = waits.wait(of: entry)
            return Row(
                process: trace.processes[entry.process].name,
                atMilliseconds: trace.milliseconds(entry.moment.atMicroseconds),
                waitedMilliseconds: wait.map { Double($0.microseconds) / 1000 }, waitedFor: wait?.reason,
                moment: entry.moment)
        }
        summary = TraceSummary(trace)
        showsRequests = trace.requests.count > 1
        name = trace.name?.utf8.count ?? 0
    }

    /// Every moment in a line.
    var table: String {
        var header = ["TIME ms", "PROCESS", "STAGE", "MOMENT", "TOOK ms", "STEP", "ROWS", "BYTES", "WAITED"]
        if showsRequests { header.insert("OF", at: 1) }
        return TextTable.format([header] + moments.map(cells))
    }

    private func cells(_ row: Row) -> [String] {
        let moment = row.moment
        var cells = [Self.fixed(row.atMilliseconds), row.process, moment.place, moment.kind.rawValue]
        if showsRequests { cells.insert(String(moment.request.rawValue.dropFirst(name)), at: 1) }
        cells.append(moment.tookMicroseconds.map(RequestTrace.text) ?? "")
        cells.append(moment.step.map(String.init) ?? "")
        cells.append(Self.rows(moment))
        cells.append(moment.bytes.map(String.init) ?? "")
        if let waited = row.waitedMilliseconds, let reason = row.waitedFor {
            cells.append("\(Self.fixed(waited)) for \(reason)")
        }
        return cells
    }

    /// Where the time went.
    var text: String {
        var lines: [String] = notes
        lines.append(summary.headline)
        if !summary.parts.isEmpty {
            var rows = [["BETWEEN TOKENS", "mean ms", "P50 ms", "P99 ms", "SHARE", "VALUES"]]
            for part in summary.parts {
                rows.append([
                    part.name, Self.fixed(part.mean), Self.fixed(part.median), Self.fixed(part.p99),
                    part.share.map(Self.percent) ?? "beside", "\(part.count)",
                ])
            }
            lines += ["", TextTable.format(rows)]
        }
        if !summary.stages.isEmpty {
            var rows = [
                [
                    "STAGE", "PROCESS", "FROM FIRST TO LAST STEP ms", "STEPS", "TOGETHER", "OWN", "OTHERS", "BUBBLE",
                    "BY",
                ]
            ]
            for stage in summary.stages {
                let by = stage.by.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
                let shown = by.prefix(3).map { "\($0.key) \(Self.percent($0.value))" }
                rows.append([
                    stage.stage, stage.process, Self.fixed(stage.milliseconds), "\(stage.steps)",
                    ReportText.number(stage.together),
                    Self.percent(stage.own), Self.percent(stage.others), Self.percent(stage.bubble),
                    shown.joined(separator: ", ") + (by.count > 3 ? ", ..." : ""),
                ])
            }
            lines += ["", TextTable.format(rows)]
        }
        return lines.joined(separator: "\n")
    }

    private static func rows(_ moment: TraceMoment) -> String {
        switch (moment.rows, moment.position) {
        case (let rows?, let position?): "\(rows) from \(position)"
        case (let rows?, nil): "\(rows)"
        case (nil, let position?): "number \(position)"
        case (nil, nil): ""
        }
    }

    private static func fixed(_ milliseconds: Double) -> String {
        RequestTrace.text(Int((milliseconds * 1000).rounded()))
    }

    private static func percent(_ share: Double) -> String { "\(ReportText.number((share * 1000).rounded() / 10)) %" }
}

extension TraceSummary {
    /// The request in a line.
    var headline: String {
        func text(_ milliseconds: Double) -> String { "\(ReportText.number(milliseconds)) ms" }
        var parts = sequences > 1 ? ["\(sequences) sequences"] : []
        if let queued { parts.append("routed after \(text(queued))") }
        if let firstToken { parts.append("first token after \(text(firstToken))") }
        if let end { parts.append("end after \(text(end))") }
        parts.append("\(tokens) tokens at the gateway")
        return parts.joined(separator: ", ")
    }
}
