import Scheduling
import ServiceRuntime

/// What the scheduler is told. The table of its settings is `keys`.
struct SchedulerConfiguration: Sendable {
    /// Limits and times of the core.
    var scheduling = SchedulingConfiguration()
    /// How often workers must send a heartbeat.
    var heartbeatMilliseconds = 500
    /// How often those must that have nothing to do; not more often than the others.
    var idleHeartbeatMilliseconds = 4000
    /// Where it binds and connects.
    var addresses = Addresses()

    /// Makes a configuration of defaults.
    init() {}

    /// Silence of so many heartbeats is the least that may lose a worker: one that comes late, and one that is lost with
    /// a connection, are no loss yet.
    static let leastHeartbeats = 3

    /// Every setting of the scheduler.
    static let keys: [SettingKey] =
        [
            SettingKey(
                "scheduler.routing", "estimated-wait",
                "estimated-wait, least-requests, round-robin; as baselines do: least-tokens (Splitwise), least-backlog"),
            SettingKey("scheduler.queue_limit", "256", "most requests that wait for a route; more get `overloaded`"),
            SettingKey("scheduler.queue_s", "120", "longest wait for a route while the plan serves"),
            SettingKey("scheduler.unservable_s", "15", "longest wait for a route while no decoder serves"),
            SettingKey("scheduler.most_overtakers", "8", "most later requests that go before one"),
            SettingKey("scheduler.local_prefill_tokens", "32", "longest prompt that a decoder prefills for itself"),
            SettingKey(
                "scheduler.prefix_cache", "true",
                "whether KV cache of requests that ended is kept for others that begin with the same tokens"),
            SettingKey(
                "scheduler.speculation", "true",
                "whether tokens are guessed from prompt and output and checked together, where few sequences decode"),
            SettingKey("scheduler.overcommit", "4", "most sequences of a decoder, as a multiple of the planned ones"),
            SettingKey("scheduler.heartbeat_ms", "500", "how often workers report"),
            SettingKey("scheduler.idle_heartbeat_ms", "4000", "how often workers report that have nothing to do"),
            SettingKey("scheduler.worker_lost_s", "2", "silence that loses a worker; three heartbeats at least"),
            SettingKey("scheduler.gateway_lost_s", "5", "silence after which a gateway's requests are cancelled"),
            SettingKey("scheduler.context_tokens", "0", "longest sequence that every plan must hold; 0: what fits"),
            SettingKey("scheduler.context_concurrency", "1", "sequences of that length that fit a replica at a time"),
            SettingKey("scheduler.away_s", "5", "how long nothing may serve before the service counts as away"),
            SettingKey("scheduler.prepare_s", "120", "longest wait for workers to load stages"),
            SettingKey("scheduler.adoption_s", "3", "how long a restarted scheduler waits for workers to report"),
            SettingKey("scheduler.device_lost_s", "5", "absence of a device after which it is planned around"),
            SettingKey("scheduler.debounce_s", "2", "how long a reason for a new plan must last"),
            SettingKey("scheduler.plan_s", "60", "longest wait for the clusterer's answer"),
            SettingKey("scheduler.exclusion_s", "30", "how long a device is not used after it failed; doubles"),
            SettingKey("scheduler.minimum_devices", "1", "ready devices that the first plan waits for"),
            SettingKey("scheduler.settle_s", "120", "longest wait of the first plan for devices being measured"),
            SettingKey("scheduler.minimum_gain", "0.1", "share by which a plan must be better to replace one"),
            SettingKey("scheduler.drift_factor", "1.5", "factor between planned and seen means that counts as drift"),
            SettingKey("scheduler.drift_samples", "50", "requests before drift is looked for"),
            SettingKey("scheduler.window_s", "300", "window over which traffic is measured"),
        ] + EndpointSetting.keys(binding: [.control, .state])

    /// Reads the settings of `keys`.
    init(reader settings: Settings) throws {
        scheduling.policy = try settings.choice("scheduler.routing")
        scheduling.queueLimit = try settings.int("scheduler.queue_limit", in: 0...100_000)
        scheduling.queueSeconds = try settings.double("scheduler.queue_s", in: 0...3600)
        scheduling.unservableSeconds = try settings.double("scheduler.unservable_s", in: 0...3600)
        scheduling.mostOvertakers = try settings.int("scheduler.most_overtakers", in: 0...1_000_000)
        scheduling.localPrefillTokens = try settings.int("scheduler.local_prefill_tokens", in: 0...10_000_000)
        scheduling.reusesPrefixes = try settings.bool("scheduler.prefix_cache")
        scheduling.speculates = try settings.bool("scheduler.speculation")
        scheduling.chunkTokens = try settings.chunkTokens()
        scheduling.largestBatch = try settings.largestBatch(names: DecodeLimit.names) { DecodeLimit($0) }
        scheduling.overcommit = try settings.double("scheduler.overcommit", in: 1...1000)
        heartbeatMilliseconds = try settings.int("scheduler.heartbeat_ms", in: 100...60_000)
        scheduling.workerLostSeconds = try settings.double("scheduler.worker_lost_s", in: 0.5...600)
        try checkWorkerLost()
        // As many reports may be missed as of a worker that has something to do.
        idleHeartbeatMilliseconds = max(
            heartbeatMilliseconds, try settings.int("scheduler.idle_heartbeat_ms", in: 100...60_000))
        scheduling.idleWorkerLostSeconds =
            scheduling.workerLostSeconds * Double(idleHeartbeatMilliseconds) / Double(heartbeatMilliseconds)
        scheduling.gatewayLostSeconds = try settings.double("scheduler.gateway_lost_s", in: 0.5...600)
        scheduling.drainSeconds = try settings.drainSeconds()
        let context = try settings.int("scheduler.context_tokens", in: 0...10_000_000)
        scheduling.contextTokens = context == 0 ? nil : context
        scheduling.contextConcurrency = try settings.int("scheduler.context_concurrency", in: 1...100_000)
        scheduling.awaySeconds = try settings.double("scheduler.away_s", in: 0...600)
        scheduling.prepareSeconds = try settings.double("scheduler.prepare_s", in: 1...3600)
        scheduling.adoptionSeconds = try settings.double("scheduler.adoption_s", in: 0...600)
        scheduling.deviceLostSeconds = try settings.double("scheduler.device_lost_s", in: 0...3600)
        scheduling.debounceSeconds = try settings.double("scheduler.debounce_s", in: 0...600)
        scheduling.planSeconds = try settings.double("scheduler.plan_s", in: 1...3600)
        scheduling.exclusionSeconds = try settings.double("scheduler.exclusion_s", in: 1...3600)
        scheduling.minimumDevices = try settings.int("scheduler.minimum_devices", in: 1...10_000)
        scheduling.settleSeconds = try settings.double("scheduler.settle_s", in: 0...3600)
        scheduling.minimumGain = try settings.double("scheduler.minimum_gain", in: 0...10)
        scheduling.driftFactor = try settings.double("scheduler.drift_factor", in: 1...1000)
        scheduling.driftSamples = try settings.int("scheduler.drift_samples", in: 1...100_000)
        scheduling.windowSeconds = try settings.double("scheduler.window_s", in: 1...86_400)
        addresses = try Addresses(settings, binding: [.control, .state])
    }

    /// Throws where workers would be lost that are only between two heartbeats.
    private func checkWorkerLost() throws(RuntimeError) {
        let least = Self.leastHeartbeats * heartbeatMilliseconds
        guard (scheduling.workerLostSeconds * 1000).rounded() < Double(least) else { return }
        throw RuntimeError(
            .badSetting,
            """
            scheduler.worker_lost_s (\(scheduling.workerLostSeconds) s) must be at least \(Self.leastHeartbeats) times \
            scheduler.heartbeat_ms (\(heartbeatMilliseconds) ms), which is \(Double(least) / 1000) s
            """)
    }
}
