/// A report as lines of text.
enum TopText {
    /// The lines: the head, an empty one, the table.
    ///
    /// - Parameters:
    ///   - sort: the column that rows are sorted by.
    ///   - isReversed: whether the last one comes first.
    static func lines(_ report: TopReport, sort: TopColumn, isReversed: Bool = false) -> [String] {
        var rows = report.devices.sorted(by: sort.precedes)
        if isReversed { rows.reverse() }
        let cells = rows.map { row in TopColumn.allCases.map { $0.text(row) } }
        let table = TextTable.format([TopColumn.allCases.map(\.title)] + cells)
        return head(report) + [""] + table.split(separator: "\n").map { trimmed($0) }
    }

    /// Plan and health; queue and speed.
    static func head(_ report: TopReport) -> [String] {
        let plan = report.plan.map { "plan \($0)" + (report.epoch.map { " (epoch \($0))" } ?? "") } ?? "no plan"
        let health = report.ready ? "ready" : "not ready: \(report.obstacle ?? "no reason given")"
        var figures = ["\(report.running) running", "\(report.waiting) waiting"]
        if let speed = report.generatedTokensPerSecond { figures.append("\(FigureText.short(speed)) tokens/s") }
        if let speed = report.promptTokensPerSecond { figures.append("\(FigureText.short(speed)) prompt tokens/s") }
        if let usage = report.kvUsage { figures.append("KV cache \(FigureText.short(usage * 100))%") }
        return [
            ([report.model, plan, health] as [String?]).compactMap { $0 }.joined(separator: ", "),
            figures.joined(separator: ", "),
        ]
    }

    /// Lines as a terminal of a size shows them; where rows do not fit, the last line says so.
    static func fitted(_ lines: [String], columns: Int, rows: Int) -> [String] {
        guard columns > 0, rows > 0 else { return lines }
        var shown = lines
        if lines.count > rows {
            shown = Array(lines.prefix(rows - 1)) + ["... \(lines.count - rows + 1) more"]
        }
        return shown.map { String($0.prefix(columns)) }
    }

    private static func trimmed(_ line: Substring) -> String {
        var line = line
        while line.last == " " { line.removeLast() }
        return String(line)
    }
}
