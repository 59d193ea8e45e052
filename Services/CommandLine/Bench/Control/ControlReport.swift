import Foundation

/// What the control plane had to carry for a fleet.
struct ControlReport: Codable, Sendable, Hashable {
    /// How this process is called among the services.
    static let emulator = "emulated workers"

    /// What one process used in a phase.
    struct Use: Codable, Sendable, Hashable {
        /// Share of one processor.
        var share: Double
        /// Its figures at the end of the phase.
        var figures: ProcessFigures
    }

    /// Joining, or the time after it.
    struct Phase: Codable, Sendable, Hashable {
        /// How long it was.
        var seconds: Double
        /// What was said in it.
        var counts: ControlCounts
        /// What services used, by name.
        var uses: [String: Use]

        /// - Parameters:
        ///   - before: figures at its start; services that did not run yet have none.
        init(
            seconds: Double, counts: ControlCounts, before: [String: ProcessFigures], after: [String: ProcessFigures]
        ) {
            self.seconds = seconds
            self.counts = counts
            uses = after.reduce(into: [:]) { uses, entry in
                let computed = entry.value.computedSeconds - (before[entry.key]?.computedSeconds ?? 0)
                uses[entry.key] = Use(share: seconds > 0 ? max(0, computed) / seconds : 0, figures: entry.value)
            }
        }
    }

    /// Devices, with two workers each.
    var devices: Int
    /// The model that they say to have.
    var model: String
    /// When what was done, seconds from the start; what did not come is not there.
    var milestones: [String: Double]
    /// From the start until the plan of the whole fleet serves, or until it was not waited for any longer.
    var joining: Phase
    /// The time after it.
    var steady: Phase
    /// Bytes of the newest published body of every topic.
    var published: [String: Int]
    /// Replicas of the plan in force, and devices in it; 0 without one.
    var replicas: Int
    /// Devices in it.
    var planned: Int

    /// The report for people.
    var text: String {
        let all = ControlTally.Milestone.allCases.map {
            [$0.title, milestones[$0.rawValue].map { Self.number($0, 2) } ?? "-"]
        }
        return [
            "\(devices) devices, \(2 * devices) workers, \(model); the plan has \(replicas) replicas on \(planned) devices",
            TextTable.format([["SINCE THE START", "s"]] + all),
            Self.table("JOINING", joining), Self.table("AFTERWARDS", steady),
            TextTable.format(
                [["NEWEST PUBLISHED", "bytes"]] + published.sorted { $0.key < $1.key }.map { [$0.key, "\($0.value)"] }),
        ].joined(separator: "\n\n")
    }

    private static func table(_ title: String, _ phase: Phase) -> String {
        let uses = phase.uses.sorted { $0.key < $1.key }.map { name, use in
            [
                name, "\(number(use.share * 100, 1)) %", number(use.figures.computedSeconds, 1),
                number(Double(use.figures.residentBytes) / 1e6, 1), number(Double(use.figures.peakBytes) / 1e6, 1),
                "\(use.figures.threads)",
            ]
        }
        let sockets = phase.counts.sockets.sorted { $0.key < $1.key }.map { name, entry in
            [
                name, "\(entry.messages)", number(Double(entry.messages) / phase.seconds, 1),
                number(Double(entry.bytes) / phase.seconds / 1000, 1),
            ]
        }
        let types = phase.counts.types.filter { $0.value > 0 }.sorted { $0.key < $1.key }.map {
            ["\($0.key)", "\($0.value)"]
        }
        return [
            TextTable.format(
                [["\(title), \(number(phase.seconds, 1)) s", "CPU", "s so far", "MB", "MB at most", "threads"]] + uses),
            TextTable.format([["SOCKET", "messages", "per s", "kB/s"]] + sockets),
            TextTable.format([["TYPE", "messages"]] + types),
        ].joined(separator: "\n\n")
    }

    private static func number(_ value: Double, _ digits: Int) -> String {
        value.isFinite ? String(format: "%.\(digits)f", value) : "-"
    }
}

extension ControlTally.Milestone {
    /// What is done, for people.
    var title: String {
        switch self {
        case .registered: "all workers registered"
        case .welcomed: "all workers known to the scheduler"
        case .measured: "all workers measured"
        case .ready: "all devices ready, links tried"
        case .planned: "first plan published"
        case .serving: "a plan serves"
        case .settled: "a plan of the whole fleet serves"
        }
    }
}
