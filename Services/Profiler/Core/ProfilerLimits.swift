/// Limits and times of the profiler's core; all times in seconds.
struct ProfilerLimits: Sendable, Hashable {
    /// How often a worker must report.
    var heartbeatSeconds = 2.0
    /// Missed heartbeats after which a worker is lost.
    var missedHeartbeats = 3
    /// After this long a lost device is forgotten.
    var forgetSeconds = 3600.0
    /// How long a device's second worker is waited for.
    var graceSeconds = 5.0
    /// Layers that a worker loads to measure itself.
    var layers = 2
    /// Time that a worker spends on one phase, about.
    var budgetSeconds = 3.0
    /// Longest measurement of a worker.
    var measureSeconds = 90.0
    /// Bytes of the large echoes.
    var linkPayloadBytes = 256 << 10
    /// Echoes of each kind.
    var linkRepetitions = 5
    /// Longest measurement of a link.
    var linkSeconds = 60.0
    /// How often a link is looked at again; 0: never.
    var linkCheckSeconds = 60.0
    /// First pause after a failed measurement; doubles up to `retryLimitSeconds`.
    var retrySeconds = 2.0
    /// Longest pause after failed measurements.
    var retryLimitSeconds = 120.0
    /// Most devices.
    var mostDevices = 256
    /// How often the fleet is published without a change.
    var publishSeconds = 1.0

    /// Silence after which a worker is lost.
    var lostSeconds: Double { heartbeatSeconds * Double(missedHeartbeats) }
}

/// When a measurement that failed may be tried again.
struct Retry: Sendable, Hashable {
    /// Failures in a row.
    private(set) var failures = 0
    /// Not before this time.
    private(set) var notBefore = 0.0
    /// What the last failure was.
    private(set) var problem: String?

    /// A further failure.
    mutating func fail(_ problem: String, _ limits: ProfilerLimits, at now: Double) {
        failures += 1
        self.problem = problem
        var pause = limits.retrySeconds
        for _ in 1..<min(failures, 32) where pause < limits.retryLimitSeconds { pause *= 2 }
        notBefore = now + min(pause, limits.retryLimitSeconds)
    }
}
