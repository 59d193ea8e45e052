internal import Domain

/// Loading stages and giving them back.
extension StageCore {
    mutating func prepare(_ assignment: StageAssignment, _ epoch: Epoch, _ ticket: StageTicket, at now: Double) {
        do throws(Fault) {
            let replica = try check(assignment)
            if let held = stages.values.first(where: { $0.replica.id == replica.id }) {
                try renew(held, assignment, replica, epoch, ticket, at: now)
            } else {
                try checkIsNew(epoch)
                try load(assignment, replica, epoch, ticket, at: now)
            }
        } catch {
            emit(.refuse(ticket, error))
        }
    }

    private func checkIsNew(_ epoch: Epoch) throws(Fault) {
        guard epoch > self.epoch else {
            throw Fault("stale_epoch", "epoch \(epoch) is not newer than \(self.epoch)")
        }
    }

    /// Whether the assignment is for this worker and its model.
    private func check(_ assignment: StageAssignment) throws(Fault) -> PlanReplica {
        let model = limits.model
        guard assignment.plan.model == model.digest else {
            throw Fault(
                "wrong_model", "the plan is for model \(assignment.plan.model), this device has \(model.digest)")
        }
        guard let replica = assignment.plan.replicas.first(where: { $0.id == assignment.replica }),
            replica.stages.indices.contains(assignment.stage),
            replica.stages[assignment.stage].device == limits.device, replica.role.workerKind == limits.kind
        else {
            throw Fault(
                "bad_plan",
                "stage \(assignment.stage) of \(assignment.replica) is not for \(limits.device)'s "
                    + "\(limits.kind.rawValue) worker")
        }
        if let problem = replica.problem(layers: model.layers) { throw Fault("bad_plan", problem) }
        guard model.allows(assignment.plan.kvType) else {
            throw Fault(
                "bad_plan",
                "KV type \(assignment.plan.kvType.rawValue) needs heads of a multiple of 32 components, "
                    + "this model's have \(model.headDim)")
        }
        return replica
    }

    /// The replica is here already: under another plan in the same epoch, or formed anew.
    private mutating func renew(
        _ held: HeldStage, _ assignment: StageAssignment, _ replica: PlanReplica, _ epoch: Epoch,
        _ ticket: StageTicket, at now: Double
    ) throws(Fault) {
        var stage = held
        let isSame =
            stage.replica.hasSameStages(as: replica) && stage.index == assignment.stage
            && stage.kvType == assignment.plan.kvType
        if epoch != stage.formed {
            try checkIsNew(epoch)
            self.epoch = epoch
        } else if !isSame {
            throw Fault("bad_plan", "replica \(replica.id) of epoch \(epoch) has other stages, or another KV type")
        }
        guard isSame else {
            let next = replica.stages[assignment.stage].layers
            free(
                stage.slot, why: "its replica has other stages, or another KV type, now",
                keeping: stage.layers.intersection(next), at: now)
            return try load(assignment, replica, epoch, ticket, at: stage.keptAt)
        }
        stage.assignment = assignment
        stage.replica = replica
        if epoch == stage.formed {
            stage.driver.adopt(policy(replica), replica)
        } else {
            stages[stage.slot] = stage
            dropSequences(of: stage.slot, why: "its replica was formed anew")
            stage = stages[stage.slot] ?? stage
            stage.formed = epoch
            stage.forget(policy: policy(replica))
            emit(.dropAllBlocks(slot: stage.slot))
        }
        switch stage.state {
        case .serving: answer(ticket, stage)
        case .loading(let earlier):
            emit(.refuse(earlier, Fault("superseded", "a newer message asks for the same", isRetriable: true)))
            stage.state = .loading(ticket)
        }
        stages[stage.slot] = stage
    }

    private func policy(_ replica: PlanReplica) -> BatchPolicy {
        BatchPolicy(
            maxBatchedTokens: limits.maxBatchedTokens,
            maxSequences: limits.largestBatch.sequences(planned: replica.decodeConcurrency),
            batching: limits.batching)
    }

    private mutating func answer(_ ticket: StageTicket, _ stage: HeldStage) {
        emit(
            .prepared(
                ticket, kvCapacityTokens: stage.kvBlocks * limits.kvBlockTokens, kvBlockTokens: limits.kvBlockTokens,
                weightBytes: stage.weightBytes, epoch: stage.formed))
    }

    private mutating func load(
        _ assignment: StageAssignment, _ replica: PlanReplica, _ epoch: Epoch, _ ticket: StageTicket, at now: Double
    ) throws(Fault) {
        let layers = replica.stages[assignment.stage].layers
        // The first stage reads embedding rows from the mapped file, so they are not counted as its memory.
        let weights = limits.model.weightBytes(layers)
        let type = assignment.plan.kvType
        let block = limits.blockBytes(layers, type)
        let usable = limits.memoryUsableBytes
        guard usable - block > weights else {
            throw Fault("out_of_memory", "layers \(layers) take \(weights) bytes, \(limits.device) may use \(usable)")
        }
        let added = limits.model.weightBytes(together: stages.values.map(\.layers) + [layers]) - heldWeightBytes
        guard usable - usedBytes - block > added else {
            throw Fault(
                "no_room", "layers \(layers) take \(added) bytes beside \(usedBytes) of \(usable) that are in use",
                isRetriable: true)
        }
        keptWeightsSince = nil
        self.epoch = epoch
        for stage in ordered where usedBytes + added + capacityBytes(stage) + block > usable {
            forgetPrefixes(stage.slot)
        }
        lastSlot += 1
        // The budget is that of a stage that is alone: memory becomes resident as it is used, and what is used together is
        // bounded where sequences are opened.
        let most = 64 * limits.model.maxContext * max(1, limits.model.keeping(type).kvBytes(layers, tokens: 1))
        stages[lastSlot] = HeldStage(
            slot: lastSlot, layers: layers, kvType: type, assignment: assignment, replica: replica, formed: epoch,
            state: .loading(ticket), weightBytes: weights,
            driver: StageDriver(policy: policy(replica), replica: replica),
            prefixes: PrefixBook(blockTokens: limits.kvBlockTokens, model: limits.model), keptAt: now)
        emit(.load(slot: lastSlot, layers, type, kvBytes: max(block, min(usable - weights, most))))
    }

    /// Bytes of the weights of all stages, which share layers.
    private var heldWeightBytes: Int { limits.model.weightBytes(together: stages.values.map(\.layers)) }

    /// Bytes of the weights and of the KV cache that sequences have reserved, of all stages.
    var usedBytes: Int {
        stages.values.reduce(heldWeightBytes) { $0 + $1.reservedBlocks * limits.blockBytes($1.layers, $1.kvType) }
    }

    /// Bytes of all KV cache that a stage can hold.
    private func capacityBytes(_ stage: HeldStage) -> Int {
        stage.kvBlocks * limits.blockBytes(stage.layers, stage.kvType)
    }

    mutating func loaded(_ slot: Int, _ capacity: Int, _ bytes: Int) {
        // Given back while it was being loaded.
        guard var stage = stages[slot] else { return emit(.free(slot: slot, keeping: nil)) }
        guard case .loading(let ticket) = stage.state else { return }
        stage.state = .serving
        stage.kvBlocks = max(0, capacity) / limits.kvBlockTokens
        stage.weightBytes = max(0, bytes)
        stages[slot] = stage
        emit(
            .note(
                "loaded layers \(stage.layers) of \(stage.replica.id) (\(stage.replica.role.rawValue)), epoch \(stage.formed)"
            ))
        answer(ticket, stage)
    }

    mutating func loadFailed(_ slot: Int, _ refusal: Fault) {
        guard let stage = stages.removeValue(forKey: slot), case .loading(let ticket) = stage.state else { return }
        emit(.refuse(ticket, refusal))
    }

    /// A replica that was formed anew since then is not meant.
    mutating func release(
        _ replica: ReplicaID, _ epoch: Epoch, keeping: LayerRange?, _ ticket: StageTicket, at now: Double
    ) {
        if let stage = stages.values.first(where: { $0.replica.id == replica && $0.formed <= epoch }) {
            if case .loading(let earlier) = stage.state {
                emit(.refuse(earlier, Fault("released", "the stage is no longer wanted", isRetriable: true)))
                // What the compute thread is loading is freed when it has been loaded.
                stages[stage.slot] = nil
            } else {
                free(
                    stage.slot, why: "its replica is given up", keeping: keeping?.intersection(stage.layers), at: now)
            }
        }
        emit(.released(ticket))
    }

    /// Frees a stage with all its sequences. Layers that the next stage will have are kept, where this process has nothing
    /// else that could want their memory.
    private mutating func free(_ slot: Int, why: String, keeping: LayerRange?, at now: Double) {
        dropSequences(of: slot, why: why)
        guard stages.removeValue(forKey: slot) != nil else { return }
        let keeping = stages.isEmpty ? keeping : nil
        if keeping != nil { keptWeightsSince = now }
        emit(.free(slot: slot, keeping: keeping))
    }

    /// Nothing came that shares layers with what was freed.
    mutating func freeKeptWeights() {
        keptWeightsSince = nil
        emit(.freeKept)
    }

    private mutating func dropSequences(of slot: Int, why: String) {
        guard let stage = stages[slot] else { return }
        for (request, held) in stage.sequences.sorted(by: { $0.key < $1.key }) {
            closed.insert(request)
            slots[request] = nil
            emit(.close(request, slot: slot))
            if stage.isFirst, held.opening != nil {
                let fault = Fault("stage_gone", why, isRetriable: true)
                emit(.report(RequestReport(request, .failed(fault)), epoch: stage.formed))
            }
        }
        for (request, leaving) in stage.leaving.sorted(by: { $0.key < $1.key }) {
            emit(.close(request, slot: slot))
            let fault = Fault("stage_gone", why, isRetriable: true)
            report(request, .failed(fault), epoch: leaving.move.epoch)
        }
        for step in stage.waiting { emit(.drop(order: step.order)) }
        stages[slot]?.leaving = [:]
        stages[slot]?.waiting = []
        stages[slot]?.sequences = [:]
        stages[slot]?.reservedBlocks = 0
    }
}
