internal import Domain

/// Devices that the planner must not use for a while, because they failed to load a stage or kept crashing.
struct Exclusions: Sendable {
    private struct Entry: Sendable {
        var until: Double
        var failures: Int
    }

    private var entries: [DeviceID: Entry] = [:]
    private let seconds: Double

    init(seconds: Double) { self.seconds = seconds }

    /// Excludes a device; every further failure doubles the time, up to 32 times the first.
    mutating func exclude(_ device: DeviceID, at now: Double) {
        let failures = (entries[device]?.failures ?? 0) + 1
        let duration = seconds * Double(1 << min(failures - 1, 5))
        entries[device] = Entry(until: now + duration, failures: failures)
    }

    /// A device has served a stage for good; its failures are forgotten.
    mutating func forgive(_ device: DeviceID) { entries[device] = nil }

    /// All devices may be used again; their failures are remembered.
    mutating func forgiveAll() {
        for device in entries.keys { entries[device]?.until = -.infinity }
    }

    /// Devices that are excluded now.
    func active(at now: Double) -> Set<DeviceID> { Set(entries.filter { $0.value.until > now }.keys) }
}
