import Domain
import Planning
import ServiceRuntime
import Simulation

/// What the clusterer is told. The table of its settings is `keys`.
struct ClustererConfiguration: Sendable {
    /// Where it binds and connects.
    var addresses = Addresses()
    /// Seed of the search where the request names none.
    var seed: UInt64 = 1
    /// How plans are searched.
    var search = SearchSettings()
    /// Most time of a search for a preview, seconds.
    var previewSeconds = 10.0
    /// How long a request waits for the fleet that it names, seconds.
    var fleetWaitSeconds = 5.0
    /// Limits of a request to the partitioner.
    var partitioner = PartitionerLimits()
    /// Most searches at a time.
    var parallel = 1
    /// Most different requests that run or wait.
    var queueLimit = 32

    /// Makes a configuration of defaults.
    init() {}

    /// Every setting of the clusterer.
    static let keys: [SettingKey] =
        [
            SettingKey(
                "clusterer.algorithm", "default",
                "default or e2llm; paper; genetic: paper with the best order of stages; splitwise-adapted; b0 to b3; b0c; b1m; "
                    + "hexgen2; helix"),
            SettingKey(
                "clusterer.plan", "",
                "a file with a plan (JSON, `plan.json` of a run folder): it is proposed, nothing is searched"
            ),
            SettingKey(
                "clusterer.roles", "auto", "any, uniform, split, mixed; auto: any, genetic algorithms: split"),
            SettingKey(
                "clusterer.kv_types", "f16,q8_0", "default: how keys and values may be kept; f16 forbids q8_0"),
            SettingKey("clusterer.seed", "1", "seed of the search; the same seed and fleet give the same plan"),
            SettingKey("clusterer.population", "80", "genetic: individuals of a generation"),
            SettingKey("clusterer.generations", "60", "genetic: most generations"),
            SettingKey("clusterer.patience", "20", "genetic: generations without a better plan before the end"),
            SettingKey("clusterer.search_s", "20", "time after which the best plan so far is taken"),
            SettingKey(
                "clusterer.preview_s", "10", "the same for plans that are only shown (what-if), at most search_s"),
            SettingKey(
                "clusterer.trials", "true", "default: simulate the best plans before one is chosen"),
            SettingKey(
                "clusterer.min_decode_speed", "",
                "tokens per second that every request should get; empty: 15 with genetic and paper, else none"),
            SettingKey("clusterer.max_decode_concurrency", "16", "largest decode concurrency of a replica"),
            SettingKey("clusterer.mixed_margin", "0.1", "genetic: share by which mixed replicas must be better"),
            SettingKey("clusterer.horizon_s", "600", "time over which a move to another plan must earn its cost"),
            SettingKey("clusterer.least_gain", "0.05", "least share of the requests' time that a move must gain"),
            SettingKey("clusterer.load_mb_per_s", "200", "MB of weights that a device reads and prepares per second"),
            SettingKey("clusterer.reserved_context", "0", "KV tokens of a replica; 0: the context, at most 2048"),
            SettingKey("clusterer.fleet_wait_s", "5", "how long a request waits for a fleet that it knows of"),
            SettingKey("clusterer.partitioner_timeout_s", "10", "time for the partitioner's answer to one message"),
            SettingKey("clusterer.partitioner_attempts", "3", "messages to the partitioner before a request fails"),
            SettingKey("clusterer.parallel", "1", "searches at a time"),
            SettingKey("clusterer.queue", "32", "most different requests that run or wait; more get overloaded"),
        ] + EndpointSetting.keys(binding: [.plan, .proposals])

    /// Reads the settings of `keys`.
    init(reader settings: Settings) throws(RuntimeError) {
        addresses = try Addresses(settings, binding: [.plan, .proposals])
        seed = UInt64(try settings.int("clusterer.seed", in: 0...Int.max))
        search.algorithm = try Self.algorithm(settings)
        search.plan = try settings.optionalString("clusterer.plan").map(GivenPlan.read)
        search.roles = try settings.choice("clusterer.roles", as: SearchRoles.self)
        search.limits.kvTypes = try Self.kvTypes(settings)
        search.genetic.population = try settings.int("clusterer.population", in: 4...10_000)
        search.genetic.generations = try settings.int("clusterer.generations", in: 1...100_000)
        search.genetic.patience = try settings.int("clusterer.patience", in: 1...100_000)
        if let speed = settings.optionalString("clusterer.min_decode_speed"), !speed.isEmpty {
            search.limits.minimumTokensPerSecond = try settings.double("clusterer.min_decode_speed", in: 0...10_000)
        } else if search.algorithm.isGenetic {
            search.limits.minimumTokensPerSecond = PlanningOptions().minimumTokensPerSecond
        }
        search.limits.largestBatch = try settings.int("clusterer.max_decode_concurrency", in: 1...256)
        search.genetic.mixedMargin = try settings.double("clusterer.mixed_margin", in: 0...10)
        search.limits.longestRequestTokens = try settings.int("clusterer.reserved_context", in: 0...10_000_000)
        search.limits.chunkTokens = try settings.chunkTokens()
        search.moving.horizonSeconds = try settings.double("clusterer.horizon_s", in: 1...1e9)
        search.moving.leastGain = try settings.double("clusterer.least_gain", in: 0...1000)
        search.moving.loadBytesPerSecond = 1e6 * (try settings.double("clusterer.load_mb_per_s", in: 0.001...1e9))
        search.moving.mostDrainSeconds = try settings.drainSeconds()
        search.triesPlans = try settings.bool("clusterer.trials")
        search.searchSeconds = try settings.double("clusterer.search_s", in: 0.1...3600)
        previewSeconds = try settings.double("clusterer.preview_s", in: 0.1...3600)
        fleetWaitSeconds = try settings.double("clusterer.fleet_wait_s", in: 0...600)
        partitioner.timeoutSeconds = try settings.double("clusterer.partitioner_timeout_s", in: 0.1...600)
        partitioner.attempts = try settings.int("clusterer.partitioner_attempts", in: 1...100)
        parallel = try settings.int("clusterer.parallel", in: 1...16)
        queueLimit = try settings.int("clusterer.queue", in: 1...10_000)
        if let problem = search.problem { throw RuntimeError(.badSetting, problem) }
    }

    private static func algorithm(_ settings: Settings) throws(RuntimeError) -> PlanningAlgorithm {
        let name = try settings.string("clusterer.algorithm")
        guard let algorithm = PlanningAlgorithm(name: name) else {
            throw RuntimeError(
                .badSetting, "clusterer.algorithm must be one of \(PlanningAlgorithm.names), not \(name)")
        }
        return algorithm
    }

    private static func kvTypes(_ settings: Settings) throws(RuntimeError) -> Set<KVType> {
        let text = try settings.string("clusterer.kv_types")
        var types: Set<KVType> = []
        for name in text.split(separator: ",") {
            guard let type = KVType(rawValue: String(name)) else {
                throw RuntimeError(.badSetting, "clusterer.kv_types: \"\(name)\" is neither f16 nor q8_0")
            }
            types.insert(type)
        }
        guard !types.isEmpty else { throw RuntimeError(.badSetting, "clusterer.kv_types: there is none") }
        return types
    }
}
