import Experiments
import Foundation
import Glibc

/// What a process has used, from `/proc/PID/stat` and `/proc/PID/status` (proc(5)).
struct ProcessFigures: Codable, Sendable, Hashable {
    /// Seconds that it has computed.
    var computedSeconds: Double
    /// Memory that it holds.
    var residentBytes: Int
    /// The most that it has held.
    var peakBytes: Int
    /// Its threads.
    var threads: Int

    enum CodingKeys: String, CodingKey {
        case computedSeconds = "cpu_s"
        case residentBytes = "resident_bytes"
        case peakBytes = "peak_bytes"
        case threads
    }

    /// Reads the texts of both files; `nil` where they have not the form.
    init?(stat: String, status: String, ticksPerSecond: Double) {
        guard let times = ProcessTimes(stat: stat), ticksPerSecond > 0 else { return nil }
        var fields: [Substring: Int] = [:]
        for line in status.split(separator: "\n") {
            let parts = line.split(whereSeparator: { $0 == ":" || $0.isWhitespace })
            if parts.count >= 2, let value = Int(parts[1]), value >= 0 { fields[parts[0]] = value }
        }
        guard let resident = fields["VmRSS"], let peak = fields["VmHWM"], let threads = fields["Threads"] else {
            return nil
        }
        computedSeconds = times.ticks / ticksPerSecond
        (residentBytes, peakBytes) = (resident.multipliedCapped(1024), peak.multipliedCapped(1024))
        self.threads = threads
    }

    /// Reads the figures of a process that runs; `nil` for one that does not.
    static func read(_ process: Int32) -> ProcessFigures? {
        guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        else { return nil }
        return ProcessFigures(stat: stat, status: status, ticksPerSecond: Double(sysconf(Int32(_SC_CLK_TCK))))
    }
}

extension Int {
    /// The product, or the largest number where it is larger.
    fileprivate func multipliedCapped(_ factor: Int) -> Int {
        let (product, isTooLarge) = multipliedReportingOverflow(by: factor)
        return isTooLarge ? .max : product
    }
}
