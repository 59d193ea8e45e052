import Foundation
import Glibc
import ServiceRuntime

/// A process as /proc shows it.
struct RunningProcess: Sendable, Hashable {
    var id: Int32
    var parent: Int32
    var name: String
    var arguments: [String]
    /// Processor time since it started, seconds.
    var processorSeconds: Double
    /// When it started, seconds after the machine did.
    var startSeconds: Double
    var residentBytes: Int

    /// Reads the texts of /proc/N/stat and /proc/N/cmdline; `nil` where the first one is none.
    init?(id: Int32, stat: String, commandLine: String, ticksPerSecond: Double, pageBytes: Int) {
        // The name stands in parentheses and may hold some.
        guard let open = stat.firstIndex(of: "("), let close = stat.lastIndex(of: ")"), open < close else { return nil }
        let fields = stat[stat.index(after: close)...].split(separator: " ")
        guard fields.count > 21, let parent = Int32(fields[1]), let user = Double(fields[11]),
            let system = Double(fields[12]), let start = Double(fields[19]), let pages = Int(fields[21]),
            ticksPerSecond > 0
        else { return nil }
        self.id = id
        self.parent = parent
        name = String(stat[stat.index(after: open)..<close])
        arguments = commandLine.split(separator: "\0", omittingEmptySubsequences: false).map(String.init)
        processorSeconds = (user + system) / ticksPerSecond
        startSeconds = start / ticksPerSecond
        residentBytes = max(0, pages) * pageBytes
    }

    /// All processes that may be seen.
    static func all() -> [RunningProcess] {
        let (ticks, page) = (Double(sysconf(Int32(_SC_CLK_TCK))), sysconf(Int32(_SC_PAGESIZE)))
        return ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { entry in
            guard let id = Int32(entry),
                let stat = try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8)
            else { return nil }
            let line = (try? String(contentsOfFile: "/proc/\(id)/cmdline", encoding: .utf8)) ?? ""
            return RunningProcess(id: id, stat: stat, commandLine: line, ticksPerSecond: ticks, pageBytes: page)
        }
    }

    /// Seconds since the machine started.
    static func uptime() -> Double {
        let text = (try? String(contentsOfFile: "/proc/uptime", encoding: .utf8)) ?? ""
        return text.split(separator: " ").first.flatMap { Double($0) } ?? 0
    }
}

/// The processes of a cluster of this machine. Its JSON has these names for good.
struct ProcessTable: Encodable, Sendable, Hashable {
    /// One of them.
    struct Row: Encodable, Sendable, Hashable {
        /// The service; `up` and `device` are those that start others.
        var service: String
        /// The device of a worker, or of what starts its workers.
        var device: String?
        var pid: Int32
        /// Processor time over uptime, 1 is one processor.
        var cpu: Double
        var residentBytes: Int
        var uptimeSeconds: Double

        enum CodingKeys: String, CodingKey {
            case service, device, pid, cpu
            case residentBytes = "resident_bytes"
            case uptimeSeconds = "uptime_s"
        }
    }

    var processes: [Row]

    /// The process `root` and all that descend from it.
    init(_ all: [RunningProcess], root: Int32, uptime: Double) {
        let children = Dictionary(grouping: all, by: \.parent)
        var rows: [Row] = []
        var open = all.filter { $0.id == root }
        var seen: Set<Int32> = []
        while let process = open.popLast() {
            guard seen.insert(process.id).inserted else { continue }
            let age = max(0, uptime - process.startSeconds)
            rows.append(
                Row(
                    service: Self.service(process), device: Self.device(process), pid: process.id,
                    cpu: age > 0 ? process.processorSeconds / age : 0, residentBytes: process.residentBytes,
                    uptimeSeconds: age))
            open += (children[process.id] ?? []).sorted { $0.id > $1.id }
        }
        processes = rows
    }

    /// The table.
    var text: String {
        var rows = [["SERVICE", "DEVICE", "PID", "CPU", "MEMORY", "UPTIME"]]
        for row in processes {
            rows.append([
                PrintableText.clean(row.service), row.device.map(PrintableText.clean) ?? "-", "\(row.pid)",
                "\(FigureText.short(row.cpu * 100))%", ByteText.format(row.residentBytes),
                DurationText.format(row.uptimeSeconds),
            ])
        }
        return TextTable.format(rows)
    }

    private static func service(_ process: RunningProcess) -> String {
        let program = process.arguments.first.map { URL(fileURLWithPath: $0).lastPathComponent } ?? process.name
        // The system cuts names at 15 characters.
        guard program == "e2llm" else { return program.isEmpty ? process.name : program }
        return process.arguments.dropFirst().first { !$0.hasPrefix("-") } ?? program
    }

    private static func device(_ process: RunningProcess) -> String? {
        let key = "worker.device="
        return process.arguments.last { $0.hasPrefix(key) }.map { String($0.dropFirst(key.count)) }
    }
}

/// Times as people say them.
enum DurationText {
    /// `12 s`, `3 min 4 s`, `2 h 5 min`, `3 d 2 h`.
    static func format(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e12 else { return "-" }
        let whole = Int(max(0, seconds))
        switch whole {
        case ..<60: return "\(whole) s"
        case ..<3600: return "\(whole / 60) min \(whole % 60) s"
        case ..<86_400: return "\(whole / 3600) h \(whole / 60 % 60) min"
        default: return "\(whole / 86_400) d \(whole / 3600 % 24) h"
        }
    }
}
