/// The load of one stage.
public struct StageLoad: Codable, Sendable, Hashable {
    /// The device.
    public var device: DeviceID
    /// Whether its worker's heartbeats arrive.
    public var alive: Bool
    /// The last heartbeat.
    public var status: WorkerHeartbeat?

    /// Makes the record.
    public init(device: DeviceID, alive: Bool, status: WorkerHeartbeat?) {
        self.device = device
        self.alive = alive
        self.status = status
    }
}

/// The load of one replica.
public struct ReplicaLoad: Codable, Sendable, Hashable {
    /// The replica.
    public var replica: ReplicaID
    /// Requests that are in this replica.
    public var requests: Int
    /// Tokens of KV cache reserved for them.
    public var kvReservedTokens: Int
    /// Tokens of KV cache that every stage can hold.
    public var kvCapacityTokens: Int
    /// Estimated seconds until a new request would start here.
    public var backlogSeconds: Double
    /// How far it is: `loading`, `serving`, `leaving` (still serves, but a plan without it comes), `draining`, `broken`.
    public var state: String?
    /// Its stages.
    public var stages: [StageLoad]

    /// Makes the record.
    public init(
        replica: ReplicaID, requests: Int, kvReservedTokens: Int, kvCapacityTokens: Int, backlogSeconds: Double,
        state: String? = nil, stages: [StageLoad]
    ) {
        self.state = state
        self.replica = replica
        self.requests = requests
        self.kvReservedTokens = kvReservedTokens
        self.kvCapacityTokens = kvCapacityTokens
        self.backlogSeconds = backlogSeconds
        self.stages = stages
    }

    private enum CodingKeys: String, CodingKey {
        case replica, requests, state, stages
        case kvReservedTokens = "kv_reserved_tokens"
        case kvCapacityTokens = "kv_capacity_tokens"
        case backlogSeconds = "backlog_s"
    }
}

/// The scheduler's state as it publishes it; the envelope's `epoch` is the largest that was given or heard of.
public struct SchedulerState: Codable, Sendable, Hashable {
    /// Whether requests are served.
    public var ready: Bool
    /// Why not, for people.
    public var reason: String
    /// The plan in force.
    public var plan: PlacementPlan?
    /// Loads of its replicas.
    public var replicas: [ReplicaLoad]
    /// Requests that wait in the scheduler.
    public var waiting: Int
    /// Requests that were routed and have not ended.
    public var running: Int
    /// The traffic seen.
    public var workload: WorkloadStatistics
    /// The longest sequence, prompt and output, that every plan can hold; absent before the first plan.
    public var contextTokens: Int?

    /// Makes the state.
    public init(
        ready: Bool, reason: String, plan: PlacementPlan?, replicas: [ReplicaLoad], waiting: Int, running: Int,
        workload: WorkloadStatistics, contextTokens: Int? = nil
    ) {
        self.contextTokens = contextTokens
        self.ready = ready
        self.reason = reason
        self.plan = plan
        self.replicas = replicas
        self.waiting = waiting
        self.running = running
        self.workload = workload
    }

    private enum CodingKeys: String, CodingKey {
        case ready, reason, plan, replicas, waiting, running, workload
        case contextTokens = "context_tokens"
    }
}
