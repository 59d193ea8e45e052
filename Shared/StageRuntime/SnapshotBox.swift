import Foundation
import Scheduling
import ServiceRuntime
import Synchronization

/// What the heartbeats read while the run loop writes it.
final class SnapshotBox: Sendable {
    /// The run loop has an event a second at least; after so long without one it hangs.
    private static let patience = Duration.seconds(3)
    private let state = Mutex((summary: StageSummary(), time: ContinuousClock.now))

    /// The last summary; `nil` where the run loop hangs.
    var value: StageSummary? {
        state.withLock { $0.time.duration(to: .now) < Self.patience ? $0.summary : nil }
    }
    func set(_ summary: StageSummary) { state.withLock { $0 = (summary, .now) } }
}

/// The processor's name, part of a device's fingerprint.
enum ProcessorName {
    static func current() -> String {
        guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else { return "unknown" }
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2, ["model name", "Model", "Hardware"].contains(where: { parts[0].hasPrefix($0) }) {
                return parts[1].trimmingCharacters(in: .whitespaces)
            }
        }
        return "unknown"
    }
}
