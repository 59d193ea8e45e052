internal import Domain

/// How a restarted scheduler learns from the workers which plan is in force.
struct Adoption: Sendable {
    /// What to do.
    enum Outcome: Sendable {
        /// Not everybody has reported.
        case wait
        /// Take over this plan.
        case adopt(PlacementPlan, Epoch)
        /// Nobody serves anything that could go on.
        case startAfresh
    }

    private let grace: Double
    private var began: Double?
    private var heardOfPlan = false

    init(grace: Double) { self.grace = grace }

    /// A worker said hello.
    mutating func note(_ report: WorkerReport, at now: Double) {
        if began == nil { began = now }
        if report.assignment != nil, !heardOfPlan {
            // The others reconnect about now, too.
            heardOfPlan = true
            began = now
        }
    }

    /// Decides from what live workers report. Before the grace period ends, only a plan all of whose stages have
    /// reported is adopted; afterwards also one that can still serve both phases.
    func outcome(_ workers: WorkerTable, at now: Double) -> Outcome {
        guard let began else { return .wait }
        let reports = workers.live.filter { $0.reported != nil && $0.commitment != nil }
        let newest = reports.max { ($0.commitment?.epoch ?? 0) < ($1.commitment?.epoch ?? 0) }
        let isOver = now - began >= grace
        guard let newest, let plan = newest.reported?.plan, let epoch = newest.commitment?.epoch else {
            return isOver ? .startAfresh : .wait
        }
        let served = plan.replicas.filter { replica in
            zip(replica.workers, replica.stages).allSatisfy { key, stage in
                guard let record = workers[key] else { return false }
                return record.commitment?.epoch == epoch && record.holds(stage.layers, of: replica.id)
            }
        }
        if served.count == plan.replicas.count { return .adopt(plan, epoch) }
        guard isOver else { return .wait }
        return served.contains { $0.role.phases.contains(.decode) } ? .adopt(plan, epoch) : .startAfresh
    }
}
