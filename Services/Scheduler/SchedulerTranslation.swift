import Domain
import Protocol
import Scheduling
import ServiceRuntime

/// Between the bodies of the protocol and the values of the core. Nothing is decided here.
extension WorkerHello {
    func report(session: String, epoch: Epoch) -> WorkerReport {
        WorkerReport(
            address: WorkerAddress(WorkerKey(device, worker), session: session), endpoint: dataEndpoint, epoch: epoch,
            stages: (stages ?? []).map {
                WorkerReport.Stage(
                    assignment: $0.assignment, formed: $0.epoch, kvCapacityTokens: $0.kvCapacityTokens)
            }, kvBlockTokens: kvBlockTokens ?? 1,
            held: requests.map {
                WorkerReport.Held(
                    request: $0.request, replica: $0.replica, reservedTokens: $0.reservedTokens,
                    gateway: $0.gatewayEndpoint)
            }, movesSequences: capabilities?.contains(Capability.sequenceMove) ?? false)
    }
}

extension WorkerHeartbeat {
    var load: WorkerLoad {
        WorkerLoad(
            waiting: waiting, running: running, kvUsedTokens: kvUsedTokens, residentBytes: residentBytes,
            prefillTokens: counters.prefillTokens, prefillSeconds: counters.prefillSeconds,
            decodeSteps: counters.decodeSteps, decodeRows: counters.decodeRows,
            decodeSeconds: counters.decodeSeconds, kvTransferBytes: counters.kvTransferBytes)
    }

    init(_ key: WorkerKey, _ load: WorkerLoad) {
        self.init(
            device: key.device, worker: key.kind, waiting: load.waiting, running: load.running,
            kvUsedTokens: load.kvUsedTokens, residentBytes: load.residentBytes,
            counters: StageCounters(
                prefillTokens: load.prefillTokens, prefillSeconds: load.prefillSeconds,
                decodeSteps: load.decodeSteps, decodeRows: load.decodeRows, decodeSeconds: load.decodeSeconds,
                kvTransferBytes: load.kvTransferBytes))
    }
}

extension SubmitRequest {
    func submitted(id: RequestID, _ message: WireMessage) throws(ProtocolError) -> SubmittedRequest {
        let shape = try message.tensor("prompt", .i32, dimensions: 1).shape
        return SubmittedRequest(
            id: id, promptTokens: shape[0], generatedTokens: generatedTokens, maxTokens: stop.maxTokens,
            gateway: gatewayEndpoint, patience: message.envelope.deadlineMilliseconds.map { Double($0) / 1000 })
    }
}

extension RequestEvent {
    func report(_ request: RequestID) -> RequestReport {
        let moment: RequestReport.Moment =
            switch kind {
            case .prefillStarted: .prefillStarted
            case .prefillFinished: .prefillFinished
            case .kvComplete: .kvComplete
            case .decodeStarted: .decodeStarted
            case .finished: .finished(finishReason)
            case .failed: .failed(SchedulingFault(error))
            }
        return RequestReport(request, moment, generatedTokens: generatedTokens)
    }
}

extension RequestReport {
    /// What a gateway is told; it learns otherwise how a request ends.
    var event: RequestEvent? {
        let kind: RequestEvent.Kind
        switch moment {
        case .prefillStarted: kind = .prefillStarted
        case .prefillFinished: kind = .prefillFinished
        case .kvComplete: kind = .kvComplete
        case .decodeStarted: kind = .decodeStarted
        case .finished, .failed: return nil
        }
        return RequestEvent(kind: kind, generatedTokens: generatedTokens)
    }
}

extension SchedulingFault {
    init(_ body: ErrorBody?) {
        self.init(
            code: body?.code ?? "failed", message: body?.message ?? "a stage cannot go on",
            isRetriable: body?.retriable ?? true)
    }

    var body: ErrorBody { ErrorBody(code: code, message: message, retriable: isRetriable) }
}

extension PlanQuestion {
    var body: PlanRequest {
        PlanRequest(
            reason: reason, workload: workload, excludedDevices: excludedDevices, fleetVersion: fleetVersion,
            planInForce: inForce, contextTokens: contextTokens,
            slowdowns: slowdowns.isEmpty
                ? nil : slowdowns.sorted { $0.key < $1.key }.map { DeviceSlowdown(device: $0.key, factor: $0.value) })
    }
}

extension RoutedRequest {
    var route: Route {
        Route(
            prefillReplica: prefillReplica, prefill: prefill, decodeReplica: decodeReplica, decode: decode,
            gateway: gateway)
    }

    var accepted: RequestAccepted {
        RequestAccepted(
            plan: plan, route: route, queueMilliseconds: queuedSeconds * 1000,
            estimatedFirstTokenMilliseconds: estimatedFirstTokenSeconds * 1000)
    }

    /// The message to the first stage of the replica that a sequence leaves.
    var move: Outgoing {
        Outgoing(
            .requestMove, request: request, epoch: epoch,
            body: SequenceMoveBody(route: route, reservedTokens: reservedTokens))
    }

    /// The message to the first stage, with what the gateway submitted.
    func start(_ submitted: WireMessage) throws(ProtocolError) -> Outgoing {
        let body: SubmitRequest = try submitted.body()
        let (shape, frame) = try submitted.tensor("prompt", .i32, dimensions: 1)
        var stop = body.stop
        stop.maxTokens = maxTokens
        let open = SequenceOpen(
            route: route, generatedTokens: body.generatedTokens, sampling: body.sampling, stop: stop,
            reservedTokens: reservedTokens, tokenCount: shape[0])
        return Outgoing(.requestStart, request: request, epoch: epoch, body: open, tensors: [frame])
    }
}

extension SchedulerSnapshot {
    var body: SchedulerState {
        SchedulerState(
            ready: ready, reason: reason, plan: plan,
            replicas: replicas.map { replica in
                ReplicaLoad(
                    replica: replica.id, requests: replica.requests, kvReservedTokens: replica.kvReservedTokens,
                    kvCapacityTokens: replica.kvCapacityTokens, backlogSeconds: replica.backlogSeconds,
                    state: replica.state,
                    stages: replica.stages.map { stage in
                        StageLoad(
                            device: stage.worker.device, alive: stage.alive,
                            status: stage.load.map { WorkerHeartbeat(stage.worker, $0) })
                    })
            }, waiting: waiting, running: running, workload: workload, contextTokens: contextTokens)
    }
}
