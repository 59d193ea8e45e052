internal import Domain

/// The plan that requests are routed by.
struct PlanInForce: Sendable {
    /// The plan.
    var plan: PlacementPlan
    /// When it came into force.
    var since: Double
    /// The traffic that it was last found right for; drift is measured against it.
    var workload: WorkloadStatistics

    init(plan: PlacementPlan, since: Double) {
        self.plan = plan
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
        role == other.role && workers == other.workers && stages.map(\.layers) == other.stages.map(\.layers)
    }
}
