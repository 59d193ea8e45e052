import ServiceRuntime

/// What the partitioner is told. The table of its settings is `keys`.
struct PartitionerConfiguration: Sendable {
    /// Where it binds.
    var addresses = Addresses()
    /// Messages that are answered at the same time.
    var parallel = 1
    /// Most messages that wait; more are refused.
    var queueLimit = 32
    /// Longest computation for one message, seconds.
    var solveSeconds = 30.0

    /// Makes a configuration of defaults.
    init() {}

    /// Every setting of the partitioner.
    static let keys: [SettingKey] =
        [
            SettingKey("partitioner.parallel", "1", "messages that are answered at the same time"),
            SettingKey("partitioner.queue", "32", "most messages that wait; more get the error overloaded"),
            SettingKey("partitioner.solve_s", "30", "longest computation for one message"),
        ] + EndpointSetting.keys(binding: [.partition])

    /// Reads the settings of `keys`.
    init(reader settings: Settings) throws(RuntimeError) {
        addresses = try Addresses(settings, binding: [.partition])
        parallel = try settings.int("partitioner.parallel", in: 1...64)
        queueLimit = try settings.int("partitioner.queue", in: 1...10_000)
        solveSeconds = try settings.double("partitioner.solve_s", in: 0.1...3600)
    }
}
