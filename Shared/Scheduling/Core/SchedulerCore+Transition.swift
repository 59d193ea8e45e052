internal import Domain

/// Starting to put a plan in force: a new one, or the same once more.
extension SchedulerCore {
    /// Whether new requests may go to a replica of the plan in force: all stages serve it in the epoch in force.
    func isUp(_ replica: PlanReplica) -> Bool {
        guard let inForce else { return false }
        return zip(replica.workers, replica.stages).allSatisfy { key, stage in
            guard let record = workers[key] else { return false }
            return record.holds(stage.layers, of: replica.id) && record.commitment?.epoch == inForce.epoch
        }
    }

    /// Whether all stages of a replica still hold its layers and KV cache, whatever the epoch.
    private func isIntact(_ replica: PlanReplica) -> Bool {
        zip(replica.workers, replica.stages).allSatisfy { key, stage in
            workers[key]?.holds(stage.layers, of: replica.id) == true
        }
    }

    /// Starts to put a new plan in force.
    mutating func begin(_ proposal: PlacementPlan, reason: String, at now: Double) {
        let epoch = nextEpoch()
        var plan = proposal
        var leaving: Set<ReplicaID> = []
        if let inForce {
            plan = PlanMatching.keepingIdentities(of: inForce.plan, in: proposal, epoch: epoch)
            let kept = Set(plan.replicas.map(\.id))
            leaving = Set(inForce.plan.replicas.filter { !kept.contains($0.id) || !isIntact($0) }.map(\.id))
        }
        start(
            PlanTransition(
                plan: plan, epoch: epoch, kind: .proposal, reason: reason, leaving: leaving, phase: .draining,
                phaseBegan: now, steps: steps(for: plan, replicas: plan.replicas)), at: now)
    }

    /// Puts the plan in force once more where workers restarted, or hold something that is no longer wanted.
    mutating func repairIfNeeded(at now: Double) {
        guard transition == nil, adoption == nil, let inForce else { return }
        let excluded = exclusions.active(at: now)
        let present = inForce.plan.replicas.filter { replica in
            replica.workers.allSatisfy { workers.isLive($0) && !excluded.contains($0.device) }
        }
        let broken = present.filter { !isUp($0) && (inForce.blockedUntil[$0.id] ?? now) <= now }
        guard !broken.isEmpty || !strays(of: inForce.plan).isEmpty else { return }
        let included = present.filter { isUp($0) || isIntact($0) || broken.map(\.id).contains($0.id) }
        let names = broken.map(\.id.rawValue).joined(separator: ", ")
        start(
            PlanTransition(
                plan: inForce.plan, epoch: nextEpoch(), kind: .repair,
                reason: names.isEmpty ? "workers hold stages that no plan needs" : "to restore replica \(names)",
                leaving: [], phase: .draining, phaseBegan: now,
                steps: steps(for: inForce.plan, replicas: included)), at: now)
    }

    private mutating func start(_ transition: PlanTransition, at now: Double) {
        self.transition = transition
        note("putting plan \(transition.plan.id) in force as epoch \(transition.epoch): \(transition.reason)")
        emit(.publishState)
        advanceTransition(at: now)
    }

    private mutating func nextEpoch() -> Epoch {
        highestEpoch += 1
        return highestEpoch
    }

    private func steps(for plan: PlacementPlan, replicas: [PlanReplica]) -> [WorkerKey: PlanTransition.Step] {
        var steps: [WorkerKey: PlanTransition.Step] = [:]
        for key in strays(of: plan) { steps[key] = PlanTransition.Step(assignment: nil) }
        for replica in replicas {
            for (index, key) in replica.workers.enumerated() {
                steps[key] = PlanTransition.Step(
                    assignment: AssignedStage(plan: plan, replica: replica.id, stage: index))
            }
        }
        return steps
    }

    /// Live workers that hold a stage although a plan gives them none.
    private func strays(of plan: PlacementPlan) -> [WorkerKey] {
        let needed = Set(plan.replicas.flatMap(\.workers))
        return workers.live
            .filter { !needed.contains($0.address.key) && ($0.commitment != nil || $0.isDirty) }
            .map(\.address.key)
    }
}
