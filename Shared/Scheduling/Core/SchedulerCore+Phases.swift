internal import Domain

/// The phases of a plan on its way into force: draining, preparing, committing.
extension SchedulerCore {
    /// How long a replica rests after its repair failed.
    private static let repairPause = 10.0
    /// How long workers that only give a stage back are waited for.
    private static let releaseSeconds = 5.0

    /// Takes the transition as far as it can go now.
    mutating func advanceTransition(at now: Double) {
        guard let current = transition else { return }
        switch current.phase {
        case .draining:
            let remaining = requests.ordered.filter { record in current.leaving.contains { record.touches($0) } }
            guard remaining.isEmpty || now - current.phaseBegan >= configuration.drainSeconds else { return }
            for record in remaining { lose(record, .replicaLost("its replica is given up"), at: now) }
            transition?.enter(.preparing, at: now)
            advanceTransition(at: now)
        case .preparing: advancePreparing(at: now)
        case .committing: advanceCommitting(at: now)
        }
    }

    private mutating func advancePreparing(at now: Double) {
        guard let current = transition else { return }
        for key in current.orderedKeys {
            guard let step = current.steps[key] else { continue }
            guard let record = workers[key], record.isLive else {
                if let problem = absence(of: key, step: step, in: current, at: now) {
                    abort(key.device, problem, at: now)
                    return
                }
                continue
            }
            guard step.progress == .waiting else { continue }
            transition?.steps[key]?.progress = .asked
            let stage = step.assignment
            if stage == nil || !record.holds(stage?.layers ?? LayerRange(0, 0), of: stage?.replica ?? "") {
                workers[key]?.isDirty = true
            }
            emit(.prepare(record.address, stage, epoch: current.epoch))
        }
        guard let transition else { return }
        let late = transition.orderedKeys.filter { transition.steps[$0]?.progress != .done }
        let isOptional = late.allSatisfy { transition.steps[$0]?.assignment == nil }
        if late.isEmpty || (isOptional && now - transition.phaseBegan >= Self.releaseSeconds) {
            for key in late {
                self.transition?.steps[key] = nil
                release(key)
            }
            commit(at: now)
        } else if now - transition.phaseBegan >= configuration.prepareSeconds {
            guard let late = late.first(where: { transition.steps[$0]?.assignment != nil }) else { return }
            abort(late.device, "\(late) has not loaded its stage in time", at: now)
        }
    }

    /// What a lost or unknown worker means for the transition: `nil` to go on (without it or waiting for it).
    private mutating func absence(
        of key: WorkerKey, step: PlanTransition.Step, in current: PlanTransition, at now: Double
    ) -> String? {
        guard let assignment = step.assignment else {
            transition?.steps[key] = nil
            return nil
        }
        if current.kind == .repair {
            transition?.drop(assignment.replica)
            return nil
        }
        if let since = workers[key]?.lostSince {
            return now - since >= configuration.deviceLostSeconds ? "worker \(key) is lost" : nil
        }
        return now - current.phaseBegan >= configuration.absentWorkerSeconds ? "worker \(key) is not here" : nil
    }

    private mutating func commit(at now: Double) {
        guard let current = transition else { return }
        var next = PlanInForce(plan: current.plan, epoch: current.epoch, since: now)
        if let inForce, current.kind == .repair {
            next.workload = inForce.workload
            next.kvCapacity = inForce.kvCapacity
            next.blockedUntil = inForce.blockedUntil
        }
        for replica in current.plan.replicas {
            let capacities = replica.workers.compactMap { current.kvCapacity[$0] }
            guard capacities.count == replica.workers.count, let smallest = capacities.min() else { continue }
            next.kvCapacity[replica.id] = smallest
        }
        inForce = next
        refreshTimes()
        transition?.enter(.committing, at: now)
        for key in current.orderedKeys {
            guard let address = workers.liveAddress(key) else { continue }
            transition?.steps[key]?.progress = .asked
            emit(.commit(address, epoch: current.epoch))
        }
        emit(.publishState)
        advanceCommitting(at: now)
    }

    private mutating func advanceCommitting(at now: Double) {
        guard let current = transition else { return }
        for key in current.orderedKeys where !workers.isLive(key) { transition?.steps[key] = nil }
        if now - current.phaseBegan >= configuration.commitSeconds {
            for (key, step) in current.steps where step.progress != .done {
                blockReplica(of: key, at: now)
                note("worker \(key) has not committed epoch \(current.epoch) in time")
            }
            transition?.steps = [:]
        }
        guard let transition, transition.isPhaseDone else { return }
        self.transition = nil
        if transition.kind == .proposal { replan.succeed() }
        note("plan \(transition.plan.id) is in force as epoch \(transition.epoch)")
        emit(.publishState)
    }

    /// Gives a transition up before its commit; the old plan stays in force.
    private mutating func abort(_ device: DeviceID, _ problem: String, at now: Double) {
        guard let current = transition else { return }
        transition = nil
        exclusions.exclude(device, at: now)
        for replica in current.plan.replicas where replica.stages.contains(where: { $0.device == device }) {
            inForce?.blockedUntil[replica.id] = now + Self.repairPause
        }
        replan.fail("epoch \(current.epoch) was given up: \(problem)", at: now)
        note("epoch \(current.epoch) is given up: \(problem)")
        emit(.publishState)
    }

    private mutating func blockReplica(of key: WorkerKey, at now: Double) {
        guard let id = inForce?.plan.replicas.first(where: { $0.workers.contains(key) })?.id else { return }
        inForce?.blockedUntil[id] = now + Self.repairPause
    }

    mutating func stagePrepared(_ address: WorkerAddress, epoch: Epoch, kvCapacityTokens: Int, at now: Double) {
        guard workers.hear(address, at: now), transition?.epoch == epoch else { return }
        guard transition?.finish(address.key, in: .preparing) == true else { return }
        if kvCapacityTokens > 0 {
            transition?.kvCapacity[address.key] = kvCapacityTokens
            workers[address.key]?.kvCapacityTokens = kvCapacityTokens
        }
    }

    mutating func stagePrepareFailed(_ address: WorkerAddress, epoch: Epoch, reason: String, at now: Double) {
        guard workers.hear(address, at: now), let current = transition, current.epoch == epoch,
            current.phase == .preparing, let step = current.steps[address.key]
        else { return }
        if step.assignment == nil {
            // It was only to give memory back; nobody depends on it.
            transition?.steps[address.key] = nil
            release(address.key)
        } else {
            abort(address.key.device, "\(address.key): \(reason)", at: now)
        }
    }

    mutating func stageCommitted(_ address: WorkerAddress, epoch: Epoch, at now: Double) {
        guard workers.hear(address, at: now), transition?.epoch == epoch,
            let step = transition?.steps[address.key], transition?.finish(address.key, in: .committing) == true
        else { return }
        guard let stage = step.assignment, let layers = stage.layers else {
            release(address.key)
            return
        }
        workers[address.key]?.commitment = Commitment(epoch: epoch, replica: stage.replica, layers: layers)
        workers[address.key]?.isDirty = false
        exclusions.forgive(address.key.device)
    }

    mutating func stageCommitFailed(_ address: WorkerAddress, epoch: Epoch, reason: String, at now: Double) {
        guard workers.hear(address, at: now), let current = transition, current.epoch == epoch,
            current.phase == .committing, current.steps[address.key] != nil
        else { return }
        note("worker \(address.key) could not commit epoch \(epoch): \(reason)")
        transition?.steps[address.key] = nil
        if current.steps[address.key]?.assignment == nil {
            release(address.key)
        } else {
            workers[address.key]?.isDirty = true
            exclusions.exclude(address.key.device, at: now)
            blockReplica(of: address.key, at: now)
        }
    }

    /// The worker holds no stage as far as the scheduler is concerned.
    private mutating func release(_ key: WorkerKey) {
        workers[key]?.commitment = nil
        workers[key]?.isDirty = false
    }
}
