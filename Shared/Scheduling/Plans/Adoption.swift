internal import Domain

/// How a restarted scheduler learns from the workers which replicas are there and which plan is in force.
struct Adoption: Sendable {
    /// What to do.
    enum Outcome: Sendable {
        /// Not everybody has reported.
        case wait
        /// Take over this plan and these replicas.
        case adopt(PlacementPlan, [Found])
        /// Nobody serves anything that could go on.
        case startAfresh
    }

    /// A replica all stages of which are there.
    struct Found: Sendable {
        var replica: PlanReplica
        var kvType: KVType
        var formed: Epoch
        var kvCapacity: Int
    }

    private let grace: Double
    private var began: Double?
    private var heardOfPlan = false

    init(grace: Double) { self.grace = grace }

    /// A worker said hello.
    mutating func note(_ report: WorkerReport, at now: Double) {
        if began == nil { began = now }
        if !report.stages.isEmpty, !heardOfPlan {
            // The others reconnect about now, too.
            heardOfPlan = true
            began = now
        }
    }

    /// Decides from what live workers report. Before the grace period ends, only a plan all of whose replicas have been
    /// found is adopted; afterwards also one that can still serve both phases.
    func outcome(_ workers: WorkerTable, at now: Double) -> Outcome {
        guard let began else { return .wait }
        let isOver = now - began >= grace
        let stages = workers.live.flatMap(\.stages)
        // A new plan has a replica that was formed for it: the newest forming knows the newest plan.
        guard let newest = stages.max(by: { $0.formed < $1.formed }) else { return isOver ? .startAfresh : .wait }
        let plan = newest.assignment.plan
        let found = complete(workers)
        let served = plan.replicas.filter { replica in found.contains { $0.replica.id == replica.id } }
        if served.count == plan.replicas.count { return .adopt(plan, found) }
        guard isOver else { return .wait }
        return served.contains { $0.role.phases.contains(.decode) } ? .adopt(plan, found) : .startAfresh
    }

    /// Replicas of which every stage is reported, all of the same forming.
    private func complete(_ workers: WorkerTable) -> [Found] {
        var found: [ReplicaID: Found] = [:]
        for record in workers.live {
            for stage in record.stages {
                guard let replica = stage.assignment.plan.replicas.first(where: { $0.id == stage.assignment.replica })
                else { continue }
                let parts = zip(replica.workers, replica.stages).map { key, place in
                    workers[key].flatMap { $0.isLive ? $0.stages : nil }?.first {
                        $0.assignment.replica == replica.id && $0.formed == stage.formed
                            && $0.assignment.layers == place.layers
                    }
                }
                guard parts.allSatisfy({ $0 != nil }), stage.formed >= found[replica.id]?.formed ?? 0 else { continue }
                let capacity = parts.compactMap { $0?.kvCapacityTokens }.min() ?? 0
                found[replica.id] = Found(
                    replica: replica, kvType: stage.assignment.plan.kvType, formed: stage.formed, kvCapacity: capacity)
            }
        }
        return found.values.sorted { $0.replica.id < $1.replica.id }
    }
}
