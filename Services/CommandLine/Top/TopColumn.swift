import ArgumentParser
import ServiceRuntime

/// The columns of `e2llm top`, by the names that `--sort` takes.
enum TopColumn: String, CaseIterable, ExpressibleByArgument, Sendable {
    case device, state, type, role, replica, layers, memory, kv, streams, prefill, decode, link

    /// What stands above it.
    var title: String {
        switch self {
        case .prefill: "PREFILL/S"
        case .decode: "DECODE/S"
        default: rawValue.uppercased()
        }
    }

    /// What stands in it for a row; `-` where it is not known.
    func text(_ row: TopReport.Row) -> String {
        switch self {
        case .device: row.device
        case .state: row.state
        case .type:
            row.threads.map { threads in
                let share = row.computeShare ?? 1
                return "\(threads) thr" + (share < 1 ? " \(Int((share * 100).rounded()))%" : "")
            } ?? "-"
        case .role: row.role ?? "idle"
        case .replica: row.replica.map { "\($0)/\(row.stage ?? 0)" } ?? "-"
        case .layers: row.layers ?? "-"
        case .memory: Self.share(row.memoryUsedBytes, row.memoryUsableBytes, ByteText.format)
        case .kv: Self.share(row.kvUsedTokens, row.kvCapacityTokens) { "\($0)" }
        case .streams:
            row.running.map { running in
                let waiting = row.waiting ?? 0
                return waiting > 0 ? "\(running)+\(waiting)" : "\(running)"
            } ?? "-"
        case .prefill: Self.rate(row.prefillTokensPerSecond)
        case .decode: Self.rate(row.decodeTokensPerSecond)
        case .link: Self.link(row)
        }
    }

    /// Whether one row stands above another one: large figures first, texts in their order, what is not known last.
    func precedes(_ left: TopReport.Row, _ right: TopReport.Row) -> Bool {
        if let key = figure {
            let (a, b) = (key(left) ?? -1, key(right) ?? -1)
            if a != b { return a > b }
        } else {
            let (a, b) = (text(left), text(right))
            if (a == "-") != (b == "-") { return b == "-" }
            if a != b { return NaturalOrder.precedes(a, b) }
        }
        if left.device != right.device { return NaturalOrder.precedes(left.device, right.device) }
        return NaturalOrder.precedes(TopColumn.replica.text(left), TopColumn.replica.text(right))
    }

    /// The figure that rows are sorted by; `nil` for columns of texts.
    private var figure: ((TopReport.Row) -> Double?)? {
        switch self {
        case .device, .state, .role, .replica, .layers: nil
        case .type: { row in row.threads.map { Double($0) * (row.computeShare ?? 1) } }
        case .memory: { $0.memoryUsedBytes.map(Double.init) }
        case .kv: { $0.kvUsedTokens.map(Double.init) }
        case .streams: { row in row.running.map { Double($0 + (row.waiting ?? 0)) } }
        case .prefill: { $0.prefillTokensPerSecond }
        case .decode: { $0.decodeTokensPerSecond }
        case .link: { $0.linkBytesPerSecond }
        }
    }

    private static func share(_ used: Int?, _ total: Int?, _ format: (Int) -> String) -> String {
        guard used != nil || total != nil else { return "-" }
        return "\(used.map(format) ?? "-")/\(total.map(format) ?? "-")"
    }

    private static func rate(_ value: Double?) -> String {
        guard let value, value.isFinite else { return "-" }
        return FigureText.short(value)
    }

    private static func link(_ row: TopReport.Row) -> String {
        guard let next = row.next else { return "-" }
        guard let latency = row.linkLatencySeconds, let speed = row.linkBytesPerSecond, speed < 1e18 else {
            return "\(next): not measured"
        }
        return "\(next): \(FigureText.short(latency * 1000)) ms, \(ByteText.format(Int(speed)))/s"
    }
}

/// Figures in few characters.
enum FigureText {
    /// One digit behind the point below 100, none above.
    static func short(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "-" }
        return abs(value) < 100 ? "\((value * 10).rounded() / 10)" : "\(Int(value.rounded()))"
    }
}
