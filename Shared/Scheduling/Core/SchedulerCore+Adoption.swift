internal import Domain

/// Learning the plan in force and its requests from workers, after a restart of the scheduler.
extension SchedulerCore {
    /// Epochs that workers may have been asked to prepare, but that nobody serves, are skipped.
    private static let unseenEpochs: Epoch = 16

    mutating func advanceAdoption(at now: Double) {
        guard let adoption else { return }
        switch adoption.outcome(workers, at: now) {
        case .wait: return
        case .startAfresh: note("no worker serves a plan that could go on")
        case .adopt(let plan, let epoch): adopt(plan, epoch: epoch, at: now)
        }
        self.adoption = nil
        if highestEpoch > 0 { highestEpoch += Self.unseenEpochs }
        // Decoders first: only they say where a request goes on.
        for kind in [WorkerKind.decode, .prefill] {
            for record in workers.live where record.address.key.kind == kind {
                for held in record.held where !adoptHeld(held, on: record.address.key, at: now) {
                    emit(.cancel(held.request, record.address))
                }
            }
        }
    }

    private mutating func adopt(_ plan: PlacementPlan, epoch: Epoch, at now: Double) {
        var taken = PlanInForce(plan: plan, epoch: epoch, since: now)
        for replica in plan.replicas {
            let capacities = replica.workers.compactMap { workers[$0]?.kvCapacityTokens }.filter { $0 > 0 }
            if let smallest = capacities.min() { taken.kvCapacity[replica.id] = smallest }
        }
        inForce = taken
        refreshTimes()
        replan.adopt(Set(plan.replicas.flatMap { $0.stages.map(\.device) } + plan.idleDevices))
        note("took over plan \(plan.id) in epoch \(epoch) from its workers")
        emit(.publishState)
    }

    /// Takes over a request that a first stage holds; returns whether the worker may go on with it.
    mutating func adoptHeld(_ held: WorkerReport.Held, on key: WorkerKey, at now: Double) -> Bool {
        guard let inForce,
            let replica = inForce.plan.replicas.first(where: { $0.workers.first == key }),
            let stage = replica.stages.first, workers[key]?.holds(stage.layers, of: replica.id) == true
        else { return false }
        if let record = requests[held.request] {
            if firstStages(of: record).contains(key) { return true }
            guard replica.role == .prefill, record.placement.prefill == nil, record.routed == nil else { return false }
            requests.update(record.stillPrefilling(on: replica.id))
            return true
        }
        guard !requests.isWaiting(held.request), !requests.hasEnded(held.request) else { return false }
        guard replica.role != .prefill else {
            // Only its prefill replica knows it, so nobody would decode it.
            emit(.lose(held.request, gateway: held.gateway, .replicaLost("no decoder knows the request")))
            requests.remember(held.request, at: now)
            return false
        }
        let placement = Placement(
            prefill: nil, decode: replica.id, reserved: max(0, held.reservedTokens), prefillWork: 0,
            epoch: inForce.epoch)
        var record = RequestRecord(
            id: held.request, gateway: held.gateway, promptTokens: 0, continuedTokens: 0,
            maxTokens: max(1, held.reservedTokens), placement: placement, routed: nil, generated: 0, lastEvent: now)
        record.prefillDone = true
        record.kvDone = true
        requests.start(record)
        gateways.hear(held.gateway, at: now, grace: configuration.gatewayLostSeconds)
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
