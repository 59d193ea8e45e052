internal import Domain

/// From one plan to the next.
extension SchedulerCore {
    /// How long requests on a replica that makes room for another one may go on before they are moved.
    private static let roomSeconds = 2.0

    /// Starts to put a new plan in force.
    mutating func begin(_ proposal: PlacementPlan, reason: String, judgement: String?, at now: Double) {
        var plan = PlanMatching.keepingIdentities(
            of: replicas.ordered.filter {
                ($0.isServing || $0.isDraining || $0.isWaiting) && $0.kvType == proposal.kvType
            }.map(\.replica),
            in: proposal, taken: Set(replicas.records.keys), number: highestEpoch + 1)
        if promisedContext == nil {
            let promised = promise(for: plan)
            promisedContext = promised
            note("sequences of up to \(promised) tokens are promised, prompt and output together")
        }
        plan.contextTokens = promisedContext
        let kept = Set(plan.replicas.map(\.id))
        let old = inForce?.plan
        let leaving = Set(replicas.records.keys.filter { !kept.contains($0) })
        transition = PlanTransition(
            plan: plan, reason: reason, judgement: judgement, began: now, leaving: leaving)
        note("putting plan \(plan.id) in force: \(reason)")
        for replica in plan.replicas {
            if var record = replicas[replica.id] {
                record.replica = replica
                // What was to leave and is wanted again stays.
                if record.isDraining { record.state = .serving }
                replicas[replica.id] = record
            } else {
                replicas[replica.id] = ReplicaRecord(replica: replica, kvType: plan.kvType)
            }
        }
        if old == nil { comeIntoForce(plan, at: now) }
        refreshTimes()
        emit(.publishState)
        advanceReplicas(at: now)
    }

    mutating func advanceTransition(at now: Double) {
        guard let current = transition else { return }
        let wanted = current.plan.replicas.compactMap { replicas[$0.id] }
        if let problem = absence(wanted, current, at: now) { return abort(problem, at: now) }
        retireReplaced(wanted, current, at: now)
        guard !wanted.contains(where: \.isLoading) else { return }
        let waiting = wanted.filter(\.isWaiting)
        guard waiting.isEmpty || isStuck(waiting, current, at: now) else { return makeRoom(for: waiting, at: now) }
        finish(current, at: now)
    }

    /// Whether a plan that there is no way back from cannot come into force whole: it is in force without these replicas then,
    /// and another plan is asked for.
    private func isStuck(_ waiting: [ReplicaRecord], _ current: PlanTransition, at now: Double) -> Bool {
        guard current.hasGivenUp || inForce?.plan.id == current.plan.id else { return false }
        let isLate = now - current.began >= configuration.absentWorkerSeconds
        return waiting.allSatisfy { record in
            now < record.blockedUntil || (isLate && !record.replica.workers.allSatisfy { workers.isLive($0) })
        }
    }

    /// Why a plan cannot come into force: a worker that it needs is not here.
    private func absence(_ wanted: [ReplicaRecord], _ current: PlanTransition, at now: Double) -> String? {
        guard inForce != nil, !current.hasGivenUp else { return nil }
        for record in wanted where record.isWaiting && inForce?.replica(record.id) == nil {
            for key in record.replica.workers where !workers.isLive(key) {
                if let since = workers[key]?.lostSince {
                    if now - since >= configuration.deviceLostSeconds { return "worker \(key) is lost" }
                } else if now - current.began >= configuration.absentWorkerSeconds {
                    return "worker \(key) is not here"
                }
            }
        }
        return nil
    }

    /// A replica that leaves takes no new requests once every new replica on its devices serves.
    private mutating func retireReplaced(_ wanted: [ReplicaRecord], _ current: PlanTransition, at now: Double) {
        guard !wanted.contains(where: \.isLoading) else { return }
        for id in current.leaving.sorted() {
            guard let old = replicas[id], old.isServing else { continue }
            let successors = wanted.filter { !$0.devices.isDisjoint(with: old.devices) }
            guard !successors.isEmpty, successors.allSatisfy({ isUp($0) }), serves(without: [id]) else { continue }
            transition?.hasGivenUp = true
            startDraining(id, moveAfter: configuration.drainSeconds, at: now)
        }
    }

    /// What cannot be loaded beside the others takes their place, one after the other: first those whose place can be taken
    /// while others serve.
    private mutating func makeRoom(for waiting: [ReplicaRecord], at now: Double) {
        let blocked = waiting.filter { record in
            now >= record.blockedUntil && record.replica.workers.allSatisfy { workers.isLive($0) }
                && !blockers(of: record).isEmpty
        }
        // One at a time: while memory is being freed for one, the others wait. What was to drain at leisure is in the way now.
        var isFreeing = false
        for blocker in blocked.flatMap({ blockers(of: $0) }) where blocker.isDraining || blocker.isReleasing {
            isFreeing = true
            startDraining(blocker.id, moveAfter: Self.roomSeconds, at: now)
        }
        guard !isFreeing else { return }
        func interrupts(_ record: ReplicaRecord) -> Bool { !serves(without: Set(blockers(of: record).map(\.id))) }
        guard let next = blocked.min(by: { (interrupts($0) ? 1 : 0, $0.id) < (interrupts($1) ? 1 : 0, $1.id) }) else {
            return
        }
        transition?.hasGivenUp = true
        // Where nothing else serves, the shortest pause is the one that begins at once.
        let seconds = interrupts(next) ? 0 : Self.roomSeconds
        note("replica \(next.id) takes the place of \(blockers(of: next).map(\.id.rawValue).joined(separator: ", "))")
        for blocker in blockers(of: next) { startDraining(blocker.id, moveAfter: seconds, at: now) }
    }

    private mutating func finish(_ current: PlanTransition, at now: Double) {
        let old = inForce?.plan
        transition = nil
        if old?.id != current.plan.id {
            if let old { history.left(old, devices: usableDevices(at: now), at: now) }
            comeIntoForce(current.plan, at: now)
        }
        for id in current.leaving.sorted() { startDraining(id, moveAfter: configuration.drainSeconds, at: now) }
        tell(current.plan)
        replan.succeed()
        note(current.summary(from: old?.id == current.plan.id ? nil : old, at: now))
        refreshTimes()
        emit(.publishState)
    }

    private mutating func comeIntoForce(_ plan: PlacementPlan, at now: Double) {
        inForce = PlanInForce(plan: plan, since: now)
    }

    /// The longest sequence that is promised from the first plan on.
    private func promise(for plan: PlacementPlan) -> Int {
        let largest = plan.replicas(for: .decode).map(\.kvCapacityTokens).max() ?? 0
        let held = largest / max(1, configuration.contextConcurrency)
        let limit = min(fleet.model?.maxContext ?? .max, configuration.contextTokens ?? .max)
        return max(1, min(limit, held))
    }

    /// Workers of replicas that stay learn the plan, which a restarted scheduler asks them for.
    private mutating func tell(_ plan: PlacementPlan) {
        for record in replicas.ordered where record.isServing && record.told != plan.id && isWanted(record.id) {
            replicas[record.id]?.told = plan.id
            for key in record.replica.workers {
                guard let address = workers.liveAddress(key), let stage = record.assignment(key, plan: plan) else {
                    continue
                }
                emit(.prepare(address, stage, epoch: record.formed))
            }
        }
    }

    /// Gives a new plan up before a replica of the old one was given up for it: the old plan stays in force.
    mutating func abort(_ problem: String, at now: Double) {
        guard let current = transition else { return }
        transition = nil
        for replica in current.plan.replicas {
            if let old = inForce?.replica(replica.id) {
                replicas[replica.id]?.replica = old
            } else if replicas[replica.id] != nil {
                startDraining(replica.id, moveAfter: configuration.drainSeconds, at: now)
            }
        }
        // What was about to go before stays as it was.
        let type = inForce?.plan.kvType ?? .f16
        for replica in inForce?.plan.replicas ?? [] {
            if replicas[replica.id] == nil {
                replicas[replica.id] = ReplicaRecord(replica: replica, kvType: type)
            } else if replicas[replica.id]?.isDraining == true, replica.workers.allSatisfy({ workers.isAvailable($0) })
            {
                // Unless it drains because one of its workers is about to stop.
                replicas[replica.id]?.state = .serving
            }
        }
        replan.fail("plan \(current.plan.id) was given up: \(problem)", at: now)
        note("plan \(current.plan.id) is given up, the one in force stays: \(problem)")
        refreshTimes()
        emit(.publishState)
    }
}
