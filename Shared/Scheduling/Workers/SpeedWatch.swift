internal import Domain

/// Whether a worker has become slower than it was: its measured time over the estimated one, against what that used to be.
///
/// Estimates may be off for ever; a change of the ratio is what counts.
struct SpeedWatch: Sendable, Hashable {
    /// Reports before the usual ratio is known.
    private static let settling = 8
    /// Weight of a report in the ratio now, and in the usual one.
    private static let quick = 0.3
    private static let slow = 0.03
    /// Reports that are further off than this do not change what is usual.
    private static let near = 1.5

    private var reports = 0
    private var ratio = 0.0
    private var usual = 0.0

    /// A report says that work took `ratio` times as long as estimated.
    mutating func note(_ ratio: Double) {
        guard ratio > 0, ratio.isFinite else { return }
        reports += 1
        self.ratio = reports == 1 ? ratio : self.ratio + Self.quick * (ratio - self.ratio)
        if reports <= Self.settling {
            usual += (ratio - usual) / Double(reports)
        } else if ratio < usual * Self.near {
            usual += Self.slow * (ratio - usual)
        }
    }

    /// How many times as long as usual work takes now; `nil` until that is known.
    var factor: Double? { reports > Self.settling && usual > 0 ? ratio / usual : nil }
}

/// Devices that have become slow, from the watches of their workers.
struct SlowDevices: Sendable {
    private struct Suspicion: Sendable {
        var since: Double
        var factor: Double
    }

    private struct Finding: Sendable {
        var factor: Double
        /// When it was last seen to be so.
        var since: Double
    }

    /// A device is slow that takes this many times as long, beyond what the others do, for this long.
    private static let leastFactor = 2.0
    private static let seconds = 10.0
    /// What is slower than this is as good as gone, whatever it is.
    private static let mostFactor = 8.0
    /// How long a finding holds without new reports: a device without work gives none, and gets another chance then.
    private static let memory = 180.0

    private var suspicions: [DeviceID: Suspicion] = [:]
    private var findings: [DeviceID: Finding] = [:]
    /// How often each device was found slow: one that is so now and then has to be fast for longer and longer.
    private var times: [DeviceID: Int] = [:]

    /// How long a device must not have been slow before it counts as fast again.
    private func calm(_ device: DeviceID) -> Double { 30 * Double(1 << min(5, max(0, (times[device] ?? 1) - 1))) }

    /// Takes what the watches say now, the largest factor of every device that works.
    mutating func note(_ factors: [DeviceID: Double], at now: Double) {
        // A machine that all devices share, or estimates that are off for all, make none of them slow.
        let sorted = factors.values.sorted()
        let common = sorted.isEmpty ? 1 : max(1, sorted[(sorted.count - 1) / 2])
        for (device, factor) in factors {
            let relative = factor / common
            guard relative >= Self.leastFactor else {
                suspicions[device] = nil
                if relative < Self.leastFactor / 1.5, let found = findings[device], now > found.since + calm(device) {
                    findings[device] = nil
                }
                continue
            }
            let since = suspicions[device]?.since ?? now
            suspicions[device] = Suspicion(since: since, factor: relative)
            if now - since >= Self.seconds {
                // In steps, and not smaller while it recovers, so that small changes are no news.
                let factor = max(min(relative.rounded(), Self.mostFactor), findings[device]?.factor ?? 0)
                if findings[device] == nil { times[device, default: 0] += 1 }
                findings[device] = Finding(factor: factor, since: now)
            }
        }
        findings = findings.filter { now - $0.value.since < max(Self.memory, calm($0.key)) }
    }

    /// Devices that are slow, and how many times as long they take.
    var factors: [DeviceID: Double] { findings.mapValues(\.factor) }
}
