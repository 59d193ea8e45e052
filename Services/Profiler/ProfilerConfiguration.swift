import Foundation
import ServiceRuntime

/// What the profiler is told. The table of its settings is `keys`.
struct ProfilerConfiguration: Sendable {
    /// Where it binds.
    var addresses = Addresses()
    /// Where measurements are kept.
    var directory: String
    /// Limits and times of the core.
    var limits = ProfilerLimits()

    /// Makes a configuration of defaults.
    init(directory: String) { self.directory = directory }

    /// Every setting of the profiler.
    static let keys: [SettingKey] =
        [
            SettingKey("profiler.directory", "", "where measurements are kept; default: ~/.local/share/e2llm/profiles"),
            SettingKey("profiler.heartbeat_s", "2", "how often a worker must report"),
            SettingKey("profiler.missed_heartbeats", "3", "missed heartbeats after which a worker is lost"),
            SettingKey("profiler.forget_s", "3600", "time after which a lost device is forgotten"),
            SettingKey("profiler.grace_s", "5", "wait for a device's second worker before one is enough"),
            SettingKey("profiler.layers", "2", "layers that a worker loads to measure itself"),
            SettingKey("profiler.budget_s", "3", "time that a worker spends on measuring one phase, about"),
            SettingKey("profiler.measure_timeout_s", "90", "time after which a measurement has failed"),
            SettingKey("profiler.link_payload", "256K", "bytes of the large echoes of a link measurement"),
            SettingKey("profiler.link_repetitions", "5", "echoes of each kind of a link measurement"),
            SettingKey("profiler.link_timeout_s", "60", "time after which a link measurement has failed"),
            SettingKey("profiler.link_check_s", "60", "how often a link is looked at again; 0: never"),
            SettingKey("profiler.retry_s", "2", "first pause after a failed measurement; doubles"),
            SettingKey("profiler.retry_limit_s", "120", "longest pause after failed measurements"),
            SettingKey("profiler.max_devices", "256", "most devices; more are refused"),
        ] + EndpointSetting.keys(binding: [.registry, .fleet])

    /// Reads the settings of `keys`.
    init(reader settings: Settings) throws(RuntimeError) {
        addresses = try Addresses(settings, binding: [.registry, .fleet])
        directory = settings.optionalString("profiler.directory") ?? Self.defaultDirectory()
        limits.heartbeatSeconds = try settings.double("profiler.heartbeat_s", in: 0.05...60)
        limits.missedHeartbeats = try settings.int("profiler.missed_heartbeats", in: 1...100)
        limits.forgetSeconds = try settings.double("profiler.forget_s", in: 1...10_000_000)
        limits.graceSeconds = try settings.double("profiler.grace_s", in: 0...3600)
        limits.layers = try settings.int("profiler.layers", in: 1...64)
        limits.budgetSeconds = try settings.double("profiler.budget_s", in: 0.05...120)
        limits.measureSeconds = try settings.double("profiler.measure_timeout_s", in: 0.1...3600)
        limits.linkPayloadBytes = try settings.bytes("profiler.link_payload")
        guard (1...(64 << 20)).contains(limits.linkPayloadBytes) else {
            throw RuntimeError(.badSetting, "profiler.link_payload must be from 1 to 64M")
        }
        limits.linkRepetitions = try settings.int("profiler.link_repetitions", in: 1...100)
        limits.linkSeconds = try settings.double("profiler.link_timeout_s", in: 0.1...3600)
        limits.linkCheckSeconds = try settings.double("profiler.link_check_s", in: 0...86_400)
        limits.retrySeconds = try settings.double("profiler.retry_s", in: 0.01...3600)
        limits.retryLimitSeconds = try settings.double("profiler.retry_limit_s", in: 0.01...86_400)
        limits.mostDevices = try settings.int("profiler.max_devices", in: 1...10_000)
    }

    /// `$XDG_DATA_HOME/e2llm/profiles`, or below `~/.local/share`.
    static func defaultDirectory(environment: [String: String] = ProcessInfo.processInfo.environment) -> String {
        let base: String
        if let data = environment["XDG_DATA_HOME"], data.hasPrefix("/") {
            base = data
        } else {
            base = (environment["HOME"] ?? NSHomeDirectory()) + "/.local/share"
        }
        return base + "/e2llm/profiles"
    }
}
