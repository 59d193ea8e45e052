public import Domain

/// The scheduler's state for people and other services.
public struct SchedulerSnapshot: Sendable, Hashable {
    /// Whether requests are served.
    public var ready: Bool
    /// Why not, or what is going on.
    public var reason: String
    /// The plan in force.
    public var plan: PlacementPlan?
    /// Its epoch, 0 without a plan.
    public var epoch: Epoch
    /// Loads of its replicas.
    public var replicas: [Replica]
    /// Requests that wait for a route.
    public var waiting: Int
    /// Requests that were routed and have not ended.
    public var running: Int
    /// The traffic seen, or assumed before there was any.
    public var workload: WorkloadStatistics
    /// The longest sequence that every plan can hold; `nil` before the first plan.
    public var contextTokens: Int?

    /// The load of one replica.
    public struct Replica: Sendable, Hashable {
        /// The replica.
        public var id: ReplicaID
        /// Whether new requests may go there.
        public var serving: Bool
        /// How far it is: `loading`, `serving`, `leaving`, `draining`, `broken`.
        public var state: String
        /// Requests in it.
        public var requests: Int
        /// Tokens of KV cache reserved for them.
        public var kvReservedTokens: Int
        /// Tokens of KV cache that every stage can hold.
        public var kvCapacityTokens: Int
        /// Estimated seconds until a new request would start.
        public var backlogSeconds: Double
        /// Its stages.
        public var stages: [Stage]
    }

    /// The load of one stage.
    public struct Stage: Sendable, Hashable {
        /// The worker.
        public var worker: WorkerKey
        /// Whether signs of life arrive.
        public var alive: Bool
        /// Its last heartbeat.
        public var load: WorkerLoad?
    }
}
