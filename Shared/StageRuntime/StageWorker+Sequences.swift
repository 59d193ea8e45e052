import Domain
import Inference
import Logging
import Messaging
import Protocol
import Scheduling
import ServiceRuntime

/// Opening, transferring and closing sequences.
extension StageWorker {
    func handleData(_ message: WireMessage) throws {
        switch message.type {
        case .sequenceOpen:
            let open: SequenceOpen = try message.body()
            try openSequence(message, open, tokens: message.tokens("tokens"))
        case .sequenceClose:
            if let request = message.envelope.request { closeHere(request, tellNext: true) }
        case .sequenceKeep: try keepArrived(message)
        case .stageForward: try forwardArrived(message)
        case .stageDone:
            let body: StageDone = try message.body()
            try checkEpoch(message)
            guard body.replica == stage?.replica.id else { return }
            driverFinished(
                body.step,
                body.tokens.map { StepResult(request: $0.request, token: $0.token, finishReason: $0.finishReason) })
        case .kvChunk: try chunkArrived(message)
        case .kvComplete:
            let body: KVComplete = try message.body()
            guard let request = message.envelope.request, let stage,
                let index = stage.replica.stages.firstIndex(where: { $0.layers == body.layers })
            else { return }
            drive { $0.kvComplete(request, stage: index) }
        case .sequenceFirstToken:
            let body: FirstToken = try message.body()
            guard let request = message.envelope.request else { return }
            drive { $0.firstToken(request, token: body.token, finishReason: body.finishReason) }
        case .error: logger.debug("a peer reports: \(message.reportedError?.message ?? "an error")")
        default:
            throw ProtocolError(.unknownType, "a worker's data socket does not know \(message.type)")
        }
    }

    /// Stale messages belong to a stage that this worker no longer has.
    func checkEpoch(_ message: WireMessage) throws {
        guard let stage else {
            throw WorkerRefusal(code: "no_stage", message: "this worker serves no stage", retriable: true)
        }
        if let epoch = message.envelope.epoch, epoch < stage.loadedIn {
            throw WorkerRefusal(
                code: "stale_epoch", message: "epoch \(epoch) is older than this stage (\(stage.loadedIn))",
                retriable: true)
        }
    }

    func openSequence(_ message: WireMessage, _ open: SequenceOpen, tokens: [Int32]) throws {
        try checkEpoch(message)
        guard let request = message.envelope.request, !closed.contains(request), var active = stage else { return }
        try check(open, tokens: tokens, for: active)
        guard active.sequences[request]?.open == nil else { return }
        let side = active.side(of: open.route)
        // A prefill replica holds the prompt; what is generated is held where it is decoded.
        let isPrefill = active.replica.role == .prefill
        let reserved = isPrefill ? min(tokens.count, open.reservedTokens) : open.reservedTokens
        var held = active.sequences[request] ?? HeldSequence(reservedTokens: reserved)
        held.open = open
        if active.isFirst { held.tokens = tokens }
        active.sequences[request] = held
        active.firstEndpoint = side[0].endpoint
        active.nextEndpoint = active.isLast ? nil : side[active.index + 1].endpoint
        stage = active
        reserve(request, tokens: reserved, slot: active.slot)
        compute.enqueue { [slot = active.slot] local in
            local.engines[slot]?.prepareSampling(request, open, tokens: tokens)
        } completion: { _ in
        }

        let frame = message.tensors[0]
        let forward = Outgoing(.sequenceOpen, request: request, epoch: epoch, body: open, tensors: [frame])
        if let next = active.nextEndpoint { links.send(forward, to: next) }
        guard active.isFirst else { return }
        let prefillsHere = isPrefill || open.route.prefill.isEmpty
        if isPrefill { links.send(forward, to: open.route.decode[0].endpoint) }
        drive {
            $0.open(
                SequencePlan(
                    request: request, tokenCount: tokens.count, prefillsHere: prefillsHere,
                    decodesHere: !isPrefill))
        }
    }

    private func check(_ open: SequenceOpen, tokens: [Int32], for active: ActiveStage) throws {
        let side = active.side(of: open.route)
        guard side.count == active.stageCount, side[active.index].layers == active.layers,
            side[active.index].device == configuration.device, !open.route.decode.isEmpty
        else { throw WorkerRefusal(code: "bad_route", message: "the route does not lead through this stage") }
        guard !tokens.isEmpty, open.generatedTokens >= 0, open.generatedTokens < tokens.count,
            open.reservedTokens > tokens.count || open.stop.maxTokens <= open.generatedTokens + 1,
            open.reservedTokens <= description.maxContext + 1
        else { throw WorkerRefusal(code: "bad_request", message: "the lengths of the sequence do not fit together") }
        guard tokens.allSatisfy({ $0 >= 0 && Int($0) < description.vocabulary }) else {
            throw WorkerRefusal(code: "bad_request", message: "a token is outside of the vocabulary")
        }
    }

    private func reserve(_ request: RequestID, tokens: Int, slot: Int) {
        compute.enqueue { local in
            try local.engines[slot]?.reserve(request, tokens: tokens)
        } completion: { [events] result in
            if case .failure(let error) = result {
                let body = ErrorBody(code: "out_of_memory", message: "\(error)", retriable: true)
                events.push(.sequenceFailed(request, slot: slot, body))
            }
        }
    }

    private func chunkArrived(_ message: WireMessage) throws {
        try checkEpoch(message)
        let body: KVChunk = try message.body()
        guard let request = message.envelope.request, !closed.contains(request), var active = stage else { return }
        guard let type = body.tensors.first?.dtype.kvType else {
            throw ProtocolError(.badTensor, "kv.chunk: tensor kv is neither f16 nor q8_0")
        }
        let (shape, frame) = try message.tensor("kv", ElementType(type), dimensions: 5)
        guard shape == [body.layers.count, 2, description.kvHeads, body.count, description.headDim] else {
            throw ProtocolError(.badTensor, "kv.chunk: tensor kv has the shape \(shape)")
        }
        guard body.total > 0, body.total <= description.maxContext, body.reservedTokens >= body.total,
            body.reservedTokens <= description.maxContext + 1, active.replica.role != .prefill
        else { throw WorkerRefusal(code: "bad_request", message: "the lengths of the KV transfer do not fit together") }
        var held = active.sequences[request] ?? HeldSequence(reservedTokens: body.reservedTokens)
        if active.sequences[request] == nil { reserve(request, tokens: body.reservedTokens, slot: active.slot) }
        var arrival = held.arrival ?? KVArrival(layers: active.layers, total: body.total)
        let isNew: Bool
        do {
            isNew = try arrival.accept(layers: body.layers, start: body.start, count: body.count, total: body.total)
        } catch {
            throw WorkerRefusal(code: "bad_transfer", message: "KV of \(body.layers) from \(body.start) on: \(error)")
        }
        held.arrival = arrival
        held.heard = .now
        active.sequences[request] = held
        guard isNew else { return }
        active.counters.kvTransferBytes += frame.count
        stage = active
        let positions = body.start..<body.start + body.count
        compute.enqueue { [slot = active.slot] local in
            try local.engines[slot]?.executor.cache.importKV(
                request, layers: body.layers, positions: positions, bytes: frame.bytes, type: type)
        } completion: { [events, slot = active.slot] result in
            if case .failure(let error) = result {
                let body = ErrorBody(code: "out_of_memory", message: "\(error)", retriable: true)
                events.push(.sequenceFailed(request, slot: slot, body))
            }
        }
        guard arrival.isComplete else { return }
        // Steps queue behind the import on the compute thread, so the transfer counts as complete now.
        if active.isFirst {
            drive { $0.kvComplete(request, stage: 0) }
        } else {
            links.send(
                Outgoing(.kvComplete, request: request, epoch: epoch, body: KVComplete(layers: active.layers)),
                to: body.firstStage)
        }
    }

    private func keepArrived(_ message: WireMessage) throws {
        let body: SequenceKeep = try message.body()
        guard var active = stage, !active.isFirst else { return }
        for request in body.requests { active.sequences[request]?.heard = .now }
        stage = active
        if let next = active.nextEndpoint { links.send(Outgoing(.sequenceKeep, epoch: epoch, body: body), to: next) }
    }

    /// Tells the later stages which sequences are still driven here, and frees those that nobody drives any more.
    func renewLeases() {
        guard let active = stage else { return }
        ticks += 1
        if active.isFirst, ticks % keepEveryTicks == 0, let next = active.nextEndpoint {
            let body = SequenceKeep(requests: active.driver.requests)
            links.send(Outgoing(.sequenceKeep, epoch: epoch, body: body), to: next)
        }
        let now = ContinuousClock.now
        let lease = configuration.leaseSeconds
        for (request, held) in active.sequences
        where !(active.isFirst && held.open != nil) && held.heard.duration(to: now) > .seconds(lease) {
            logger.notice("frees request \(request): nobody has driven it for \(lease) s")
            closeHere(request, tellNext: false)
        }
    }

    func cancel(_ request: RequestID) {
        if stage?.driver.contains(request) == true {
            drive { $0.cancel(request) }
        } else {
            closeHere(request, tellNext: true)
        }
    }

    /// A sequence cannot go on here: the scheduler decides what becomes of the request.
    func fail(_ request: RequestID, _ error: ErrorBody) {
        guard let active = stage, active.sequences[request] != nil else { return }
        logger.warning("request \(request) fails: \(error.message)")
        report(request, RequestEvent(kind: .failed, error: error))
        if active.driver.contains(request) {
            drive { $0.cancel(request, reason: .error) }
        } else {
            closeHere(request, tellNext: false)
        }
    }

    /// Frees a sequence on this stage.
    func closeHere(_ request: RequestID, tellNext: Bool) {
        closed.insert(request)
        guard let active = stage, active.sequences[request] != nil else { return }
        stage?.sequences[request] = nil
        compute.enqueue { [slot = active.slot] local in
            local.engines[slot]?.close(request)
        } completion: { _ in
        }
        if tellNext, let next = active.nextEndpoint {
            links.send(Outgoing(.sequenceClose, request: request, epoch: epoch), to: next)
        }
    }

    /// Tells the scheduler what happened to a request.
    func report(_ request: RequestID, _ event: RequestEvent) {
        if !scheduler.trySend(Outgoing(.requestEvent, request: request, epoch: epoch, body: event)) {
            logger.warning("the scheduler's queue is full: \(event.kind.rawValue) of \(request) is not reported")
        }
    }
}
