internal import Domain

/// The plan that requests are routed by.
struct PlanInForce: Sendable {
    /// The plan.
    var plan: PlacementPlan
    /// Its epoch.
    var epoch: Epoch
    /// When it came into force.
    var since: Double
    /// The traffic that it was last found right for; drift is measured against it.
    var workload: WorkloadStatistics
    /// Tokens of KV cache that the stages of a replica said they can hold, the smallest of them.
    var kvCapacity: [ReplicaID: Int] = [:]
    /// Replicas that are not repaired before a time, because a repair failed.
    var blockedUntil: [ReplicaID: Double] = [:]

    init(plan: PlacementPlan, epoch: Epoch, since: Double) {
        self.plan = plan
        self.epoch = epoch
        self.since = since
        self.workload = plan.workload
    }

    func replica(_ id: ReplicaID) -> PlanReplica? { plan.replicas.first { $0.id == id } }
}

extension PlanReplica {
    /// The workers that serve its stages, in order.
    var workers: [WorkerKey] { stages.map { WorkerKey($0.device, role.workerKind) } }

    /// Whether the same workers hold the same layers in another replica.
    func hasSameStages(as other: PlanReplica) -> Bool {
        workers == other.workers && stages.map(\.layers) == other.stages.map(\.layers)
    }
}
