import Domain
import Inference
import Logging
import Protocol
import ServiceRuntime

/// Putting plans in force: load on `stage.prepare`, switch on `stage.commit`.
extension StageWorker {
    func handleControl(_ message: WireMessage) async {
        do {
            switch message.type {
            case .stagePrepare: try await prepare(message)
            case .stageCommit: try await commit(message)
            case .requestStart:
                let open: SequenceOpen = try message.body()
                try openSequence(message, open, tokens: message.tokens("tokens"))
            case .requestCancel:
                guard let request = message.envelope.request else { break }
                cancel(request)
            case .error: logger.debug("the scheduler reports: \(message.reportedError?.message ?? "an error")")
            default:
                try await scheduler.reply(
                    to: message,
                    error: ErrorBody(code: "unknown_type", message: "a worker does not know \(message.type)"))
            }
        } catch {
            logger.warning("\(message.type) refused: \(error)")
            if message.type == .requestStart, let request = message.envelope.request {
                report(request, RequestEvent(kind: .failed, error: errorBody(error)))
            } else {
                try? await scheduler.reply(to: message, error: errorBody(error))
            }
        }
    }

    private func prepare(_ message: WireMessage) async throws {
        let body: StagePrepare = try message.body()
        guard let epoch = message.envelope.epoch, epoch > self.epoch else {
            throw WorkerRefusal(
                code: "stale_epoch", message: "epoch \(message.envelope.epoch ?? 0) is not newer than \(self.epoch)")
        }
        dropPrepared()
        guard let assignment = body.assignment else {
            prepared = (epoch, nil)
            try await scheduler.reply(
                to: message,
                Outgoing(.stagePrepared, epoch: epoch, body: StagePrepared(kvCapacityTokens: 0, weightBytes: 0)))
            return
        }
        let replica = try check(assignment)
        if let stage, stage.isUnchanged(in: replica, index: assignment.stage) {
            prepared = (
                epoch, stage.renewed(assignment, replica, maxBatchedTokens: configuration.maxBatchedTokens)
            )
            try await scheduler.reply(
                to: message,
                Outgoing(
                    .stagePrepared, epoch: epoch,
                    body: StagePrepared(kvCapacityTokens: stage.kvCapacityTokens, weightBytes: stage.weightBytes)))
            return
        }
        load(assignment, replica, epoch, message)
    }

    private func check(_ assignment: StageAssignment) throws -> PlanReplica {
        if let problem = assignment.plan.problem(layers: description.layers) {
            throw WorkerRefusal(code: "bad_plan", message: problem)
        }
        guard assignment.plan.model == description.digest else {
            throw WorkerRefusal(
                code: "wrong_model",
                message: "the plan is for model \(assignment.plan.model), this device has \(description.digest)")
        }
        guard let replica = assignment.plan.replicas.first(where: { $0.id == assignment.replica }),
            replica.stages.indices.contains(assignment.stage),
            replica.stages[assignment.stage].device == configuration.device,
            replica.role.workerKind == configuration.kind
        else {
            throw WorkerRefusal(
                code: "bad_plan",
                message: "stage \(assignment.stage) of \(assignment.replica) is not for \(configuration.device)'s "
                    + "\(configuration.kind.rawValue) worker")
        }
        return replica
    }

    private func load(
        _ assignment: StageAssignment, _ replica: PlanReplica, _ epoch: Epoch, _ message: WireMessage
    ) {
        let layers = replica.stages[assignment.stage].layers
        // The first stage reads embedding rows from the mapped file, so they are not counted as its memory.
        let weights = description.weightBytes(LayerRange(layers.start, layers.end))
        let usable = configuration.memoryUsableBytes
        let kvPerToken = max(1, description.kvBytes(layers, tokens: 1))
        guard usable > weights + 32 * kvPerToken else {
            let error = WorkerRefusal(
                code: "out_of_memory",
                message: "layers \(layers) take \(weights) bytes, \(configuration.device) may use \(usable)")
            return events.push(.loaded(.failure(error), reply: message, assignment, replica, epoch))
        }
        let budget = min(usable - weights, 64 * description.maxContext * kvPerToken)
        if let stage, stage.weightBytes + weights + 32 * kvPerToken > usable {
            // Both do not fit side by side: the old stage goes first. The scheduler has drained it.
            logger.notice("frees layers \(stage.layers) to load layers \(layers)")
            dropStage()
        }
        lastSlot += 1
        let slot = lastSlot
        let model = model
        let configuration = configuration
        let rows = max(configuration.maxBatchedTokens, 64)
        compute.enqueue { local in
            let executor = try StageExecutor(
                model: model, layers: layers, threads: configuration.threads, kvBudgetBytes: budget, maxRows: rows)
            local.engines[slot] = StageEngine(executor: executor, duty: DutyCycle(share: configuration.computeShare))
            return LoadedStage(
                slot: slot, kvCapacityTokens: executor.cache.capacityTokens, weightBytes: executor.weightBytes)
        } completion: { [events] result in
            events.push(.loaded(result, reply: message, assignment, replica, epoch))
        }
    }

    func finishPreparing(
        _ result: Result<LoadedStage, any Error>, _ message: WireMessage, _ assignment: StageAssignment,
        _ replica: PlanReplica, _ epoch: Epoch
    ) async {
        switch result {
        case .success(let loaded):
            dropPrepared()
            prepared = (
                epoch,
                ActiveStage(
                    assignment: assignment, replica: replica, slot: loaded.slot,
                    kvCapacityTokens: loaded.kvCapacityTokens, weightBytes: loaded.weightBytes, loadedIn: epoch,
                    maxBatchedTokens: configuration.maxBatchedTokens)
            )
            logger.info(
                "loaded layers \(replica.stages[assignment.stage].layers) of \(replica.id) (\(replica.role.rawValue)): \(ByteText.format(loaded.weightBytes)), KV for \(loaded.kvCapacityTokens) tokens"
            )
            try? await scheduler.reply(
                to: message,
                Outgoing(
                    .stagePrepared, epoch: epoch,
                    body: StagePrepared(kvCapacityTokens: loaded.kvCapacityTokens, weightBytes: loaded.weightBytes)))
        case .failure(let error):
            logger.error("cannot load layers \(replica.stages[assignment.stage].layers): \(error)")
            try? await scheduler.reply(to: message, error: errorBody(error))
        }
    }

    private func commit(_ message: WireMessage) async throws {
        guard let epoch = message.envelope.epoch, let prepared, prepared.epoch == epoch else {
            throw WorkerRefusal(
                code: "not_prepared", message: "epoch \(message.envelope.epoch ?? 0) was not prepared on this worker")
        }
        self.prepared = nil
        self.epoch = epoch
        if let next = prepared.stage, let stage, next.slot == stage.slot {
            // The stage went on working since it was prepared: only its place in the plan is new.
            self.stage = stage.renewed(
                next.assignment, next.replica, maxBatchedTokens: configuration.maxBatchedTokens)
        } else {
            dropStage()
            stage = prepared.stage
        }
        try await scheduler.reply(to: message, Outgoing(.stageCommitted, epoch: epoch))
    }

    /// Frees the stage in force with all its sequences.
    private func dropStage() {
        guard let old = stage else { return }
        for request in old.sequences.keys {
            closed.insert(request)
            if old.isFirst {
                report(
                    request,
                    RequestEvent(
                        kind: .failed,
                        error: ErrorBody(code: "stage_gone", message: "its stage was given up", retriable: true)))
            }
        }
        stage = nil
        free(slot: old.slot)
    }

    private func dropPrepared() {
        guard let old = prepared?.stage else { return prepared = nil }
        prepared = nil
        if old.slot != stage?.slot { free(slot: old.slot) }
    }

    private func free(slot: Int) {
        compute.enqueue { local in
            local.engines[slot] = nil
        } completion: { _ in
        }
    }
}
