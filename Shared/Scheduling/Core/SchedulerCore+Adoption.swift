internal import Domain

/// Learning the replicas, the plan in force and the requests from workers, after a restart of the scheduler.
extension SchedulerCore {
    /// Epochs that workers may have been told, but that nobody reports, are skipped.
    private static let unseenEpochs: Epoch = 16

    mutating func advanceAdoption(at now: Double) {
        guard let adoption else { return }
        switch adoption.outcome(workers, at: now) {
        case .wait: return
        case .startAfresh: note("no worker serves a plan that could go on")
        case .adopt(let plan, let found): adopt(plan, found, at: now)
        }
        self.adoption = nil
        if highestEpoch > 0 { highestEpoch += Self.unseenEpochs }
        for record in workers.live { releaseStrays(on: record.address, at: now) }
        // Decoders first: only they say where a request goes on.
        for kind in [WorkerKind.decode, .prefill] {
            for record in workers.live where record.address.key.kind == kind {
                for held in record.held where !adoptHeld(held, on: record.address.key, at: now) {
                    emit(.cancel(held.request, record.address))
                }
            }
        }
    }

    private mutating func adopt(_ plan: PlacementPlan, _ found: [Adoption.Found], at now: Double) {
        inForce = PlanInForce(plan: plan, since: now)
        promisedContext = plan.contextTokens ?? promisedContext
        for part in found {
            var record = ReplicaRecord(replica: part.replica, kvType: part.kvType)
            let isWanted = plan.replicas.contains { $0.id == part.replica.id }
            record.state =
                isWanted
                ? .serving : .draining(ReplicaRecord.Draining(since: now, moveAt: now + configuration.drainSeconds))
            record.formed = part.formed
            record.told = plan.id
            record.kvCapacity = part.kvCapacity > 0 ? part.kvCapacity : nil
            replicas[part.replica.id] = record
        }
        for replica in plan.replicas where replicas[replica.id] == nil {
            replicas[replica.id] = ReplicaRecord(replica: replica, kvType: plan.kvType)
        }
        refreshTimes()
        replan.adopt(Set(plan.replicas.flatMap { $0.stages.map(\.device) } + plan.idleDevices))
        note("took over plan \(plan.id) from its workers")
        emit(.publishState)
    }

    /// Takes over a request that a first stage holds; returns whether the worker may go on with it.
    mutating func adoptHeld(_ held: HeldRequest, on key: WorkerKey, at now: Double) -> Bool {
        let candidates = replicas.ordered.filter { record in
            (record.isServing || record.isDraining) && record.replica.workers.first == key
                && (held.replica == nil || held.replica == record.id)
        }
        guard let home = candidates.first, let key = home.replica.workers.first else { return false }
        if let record = requests[held.request] {
            if firstStages(of: record).contains(key) { return true }
            guard home.replica.role == .prefill, record.placement.prefill == nil, record.routed == nil else {
                return false
            }
            requests.update(record.stillPrefilling(on: home.id))
            return true
        }
        guard !requests.isWaiting(held.request), !requests.hasEnded(held.request) else { return false }
        guard home.replica.role != .prefill else {
            // Only its prefill replica knows it, so nobody would decode it.
            emit(.lose(held.request, gateway: held.gatewayEndpoint, .replicaLost("no decoder knows the request")))
            requests.remember(held.request, at: now)
            return false
        }
        let reserved = Plausible.tokens(held.reservedTokens)
        let placement = Placement(
            prefill: nil, decode: home.id, reserved: reserved, prefillReserved: 0, prefillWork: 0, epoch: home.formed)
        var record = RequestRecord(
            id: held.request, gateway: held.gatewayEndpoint, promptTokens: 0, continuedTokens: 0,
            maxTokens: max(1, reserved), isConstrained: true, placement: placement, routed: nil, generated: 0,
            lastEvent: now)
        record.prefillDone = true
        record.kvDone = true
        record.decodes = true
        requests.start(record)
        gateways.hear(held.gatewayEndpoint, at: now, grace: configuration.gatewayLostSeconds)
        return true
    }
}

extension RequestRecord {
    /// The record of an adopted request whose prefill replica has reported, too.
    func stillPrefilling(on prefill: ReplicaID) -> RequestRecord {
        var record = self
        record.placement.prefill = prefill
        record.prefillDone = false
        record.kvDone = false
        return record
    }
}
