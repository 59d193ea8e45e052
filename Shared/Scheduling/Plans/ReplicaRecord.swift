internal import Domain

/// A replica as the scheduler knows it. Each is put in force and given up for itself, so that a plan changes replica by
/// replica while requests go on.
///
/// ```
///            workers live, room                all stages loaded
/// waiting -----------------------> loading ---------------------> serving
///    ^                                |                              |
///    +------ a worker is lost --------+------------------------------+
///                                                                    | another plan needs its memory, or is in force
///                                      releasing <--- no requests --- draining
/// ```
struct ReplicaRecord: Sendable {
    /// How far it is.
    enum State: Sendable {
        /// Its workers are not all here, or there is no memory for it yet.
        case waiting
        /// Its workers load their stages.
        case loading(Loading)
        /// It takes requests.
        case serving
        /// It takes no new requests; those that it has end here, or go on elsewhere.
        case draining(Draining)
        /// Its workers were asked to give their stages back.
        case releasing(since: Double, pending: Set<WorkerKey>)
    }

    struct Loading: Sendable {
        var since: Double
        /// Workers that have not answered.
        var pending: Set<WorkerKey>
        /// The smallest capacity of those that have, in tokens.
        var kvCapacity: Int?
    }

    struct Draining: Sendable {
        var since: Double
        /// When requests still there begin to be moved.
        var moveAt: Double
        /// When the last group was moved.
        var movedAt = -Double.infinity
    }

    var replica: PlanReplica
    /// How its stages keep keys and values, as the plan says that it was formed for.
    let kvType: KVType
    var state: State = .waiting
    /// The epoch in which it was formed, 0 where its workers hold nothing of it; messages of older ones are refused by them.
    var formed: Epoch = 0
    /// The plan that its workers were last told.
    var told: PlanID?
    /// Tokens of KV cache that every stage can hold, as its workers said.
    var kvCapacity: Int?
    /// It is not loaded again before this time, because that failed.
    var blockedUntil = 0.0
    /// A worker said that it has no room for it beside what it holds.
    var lacksRoom = false

    init(replica: PlanReplica, kvType: KVType) {
        self.replica = replica
        self.kvType = kvType
    }

    var id: ReplicaID { replica.id }
    var isServing: Bool { if case .serving = state { true } else { false } }
    var isWaiting: Bool { if case .waiting = state { true } else { false } }
    var isDraining: Bool { if case .draining = state { true } else { false } }
    var isLoading: Bool { if case .loading = state { true } else { false } }
    var isReleasing: Bool { if case .releasing = state { true } else { false } }
    /// Whether its workers hold weights of it: also where one of them was lost.
    var holdsMemory: Bool { formed > 0 }
    var devices: Set<DeviceID> { Set(replica.stages.map(\.device)) }

    /// What its worker is told.
    func assignment(_ key: WorkerKey, plan: PlacementPlan) -> StageAssignment? {
        replica.workers.firstIndex(of: key).map { StageAssignment(plan: plan, replica: id, stage: $0) }
    }
}

/// All replicas, those of the plan in force and those that come and go, by id.
struct ReplicaTable: Sendable {
    private(set) var records: [ReplicaID: ReplicaRecord] = [:]
    /// In order: nothing may depend on hashing.
    private(set) var ids: [ReplicaID] = []
    /// Replicas that do not simply serve.
    private(set) var unsettled = 0

    subscript(id: ReplicaID) -> ReplicaRecord? {
        get { records[id] }
        set {
            let old = records[id]
            records[id] = newValue
            unsettled += (newValue.map { $0.isServing ? 0 : 1 } ?? 0) - (old.map { $0.isServing ? 0 : 1 } ?? 0)
            if (old == nil) != (newValue == nil) { ids = records.keys.sorted() }
        }
    }

    /// In order of their ids.
    var ordered: [ReplicaRecord] { ids.compactMap { records[$0] } }

    /// Replicas that a worker has a part in.
    func of(_ key: WorkerKey) -> [ReplicaRecord] { ordered.filter { $0.replica.workers.contains(key) } }
}
