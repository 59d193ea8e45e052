internal import Domain

/// Opening, transferring and closing sequences.
extension StageCore {
    /// The scheduler hands over a sequence; what goes wrong with it is reported.
    mutating func start(_ opening: SequenceOpening, at now: Double) {
        do throws(Fault) {
            try open(opening, at: now)
        } catch {
            emit(.note("\(opening.request) cannot start: \(error)"))
            report(opening.request, .failed(error), epoch: opening.epoch)
        }
    }

    mutating func open(_ opening: SequenceOpening, at now: Double) throws(Fault) {
        let request = opening.request
        let isPrefill = limits.kind == .prefill
        let replica = isPrefill ? opening.route.prefillReplica ?? "" : opening.route.decodeReplica
        let stage = try servingStage(of: replica, epoch: opening.epoch)
        guard !closed.contains(request), stage.sequences[request]?.opening == nil else { return }
        try check(opening, for: stage)
        // A prefill replica holds the prompt; what is generated is held where it is decoded.
        let reserved = isPrefill ? min(opening.tokens.count, opening.reservedTokens) : opening.reservedTokens
        noteCapacity(opening, stage)
        var opening = opening
        if stage.isFirst { opening.prefix = findPrefix(of: opening, stage) }
        do throws(Fault) {
            try take(opening, tokens: reserved, slot: stage.slot, at: now)
        } catch {
            _ = stages[stage.slot]?.prefixes.close(request)
            throw error
        }
        stages[stage.slot]?.sequences[request]?.opening = opening
        stages[stage.slot]?.sequences[request]?.heard = now
        stages[stage.slot]?.sequences[request]?.generated = opening.generatedTokens
        stages[stage.slot]?.firstEndpoint = stage.side(of: opening.route)[0].endpoint
        stages[stage.slot]?.nextEndpoint = stage.next(opening)
        if stage.isLast { emit(.sample(opening, slot: stage.slot)) }
        if let next = stage.next(opening) { emit(.open(opening, to: next)) }
        beginHandover(opening, stage)
        guard stage.isFirst, stages[stage.slot]?.sequences[request] != nil else { return }
        let plan = SequencePlan(
            request: request, tokenCount: opening.tokens.count,
            prefillsHere: isPrefill || opening.route.prefill.isEmpty, decodesHere: !isPrefill,
            growsFrom: isPrefill || opening.capacityTokens == nil ? nil : reserved,
            cachedTokens: cachedTokens(opening), mostTokens: reserved,
            guessesFrom: opening.speculates && !isPrefill ? opening.tokens : nil)
        drive(stage.slot) { $0.open(plan) }
    }

    private func check(_ opening: SequenceOpening, for stage: HeldStage) throws(Fault) {
        let side = stage.side(of: opening.route)
        guard side.count == stage.replica.stages.count, side[stage.index].layers == stage.layers,
            side[stage.index].device == limits.device, !opening.route.decode.isEmpty
        else { throw Fault("bad_route", "the route does not lead through this stage") }
        let count = opening.tokens.count
        let hasEnd = opening.reservedTokens > count || opening.stop.maxTokens <= opening.generatedTokens + 1
        guard count > 0, opening.generatedTokens >= 0, opening.generatedTokens < count, hasEnd,
            opening.reservedTokens >= count, opening.reservedTokens <= limits.model.maxContext + 1
        else { throw Fault("bad_request", "the lengths of the sequence do not fit together") }
        guard opening.tokens.allSatisfy({ $0 >= 0 && Int($0) < limits.model.vocabulary }) else {
            throw Fault("bad_request", "a token is outside of the vocabulary")
        }
    }

    // MARK: Memory

    /// What sequences may still take on all stages of a replica, as far as its first stage knows.
    func room(of stage: HeldStage) -> KVRoom {
        var free = min(stage.kvBlocks, (stage.replicaTokens ?? .max) / limits.kvBlockTokens) - stage.reservedBlocks
        if stages.count > 1 {
            free = min(
                free, (limits.memoryUsableBytes - usedBytes) / max(1, limits.blockBytes(stage.layers, stage.kvType)))
        }
        return KVRoom(freeBlocks: free, blockTokens: limits.kvBlockTokens)
    }

    /// Takes more KV blocks for a sequence.
    mutating func grow(_ request: RequestID, to tokens: Int, _ slot: Int) {
        guard let held = stages[slot]?.sequences[request] else { return }
        let blocks = limits.blocks(tokens)
        guard blocks > held.blocks else { return }
        stages[slot]?.reservedBlocks += blocks - held.blocks
        boundPrefixes(slot)
        stages[slot]?.sequences[request]?.blocks = blocks
        stages[slot]?.sequences[request]?.reservedTokens = tokens
        emit(.reserve(request, slot: slot, tokens: tokens))
    }

    /// Whether a later stage has KV cache for a part of a step, or can take it; otherwise the sequence fails.
    mutating func holds(_ part: StepPart, slot: Int) -> Bool {
        guard let stage = stages[slot], let held = stage.sequences[part.request],
            held.opening?.capacityTokens != nil
        else { return true }
        let missing = limits.blocks(part.start + part.count) - held.blocks
        guard missing > 0 else { return true }
        guard missing <= room(of: stage).freeBlocks else {
            fail(part.request, .preempted)
            return false
        }
        grow(part.request, to: (held.blocks + missing) * limits.kvBlockTokens, slot)
        return true
    }

    /// Takes KV blocks for a sequence that is opened, where the stage and the process have them.
    private mutating func reserve(
        _ request: RequestID, tokens: Int, slot: Int, prefix: SequencePrefix? = nil, at now: Double
    ) throws(Fault) {
        guard let stage = stages[slot] else { return }
        let blocks = limits.blocks(tokens)
        guard blocks <= stage.kvBlocks - stage.reservedBlocks else {
            throw Fault(
                "out_of_memory",
                "no KV cache for \(tokens) tokens of \(request): \(stage.kvBlocks - stage.reservedBlocks) of "
                    + "\(stage.kvBlocks) blocks of \(limits.kvBlockTokens) are free", isRetriable: true)
        }
        if stages.count > 1,
            usedBytes + blocks * limits.blockBytes(stage.layers, stage.kvType) > limits.memoryUsableBytes
        {
            throw Fault(
                "out_of_memory", "no memory for \(tokens) tokens of \(request) beside another stage",
                isRetriable: true)
        }
        slots[request] = slot
        stages[slot]?.reservedBlocks += blocks
        boundPrefixes(slot)
        stages[slot]?.sequences[request] = HeldSequence(blocks: blocks, reservedTokens: tokens, heard: now)
        emit(.reserve(request, slot: slot, tokens: tokens, prefix: prefix))
    }

    /// Takes KV blocks for a sequence, unless its KV cache has begun to come: then its blocks get their names.
    private mutating func take(
        _ opening: SequenceOpening, tokens: Int, slot: Int, at now: Double
    ) throws(Fault) {
        if let held = stages[slot]?.sequences[opening.request] {
            guard let prefix = opening.prefix else { return }
            emit(.reserve(opening.request, slot: slot, tokens: held.reservedTokens, prefix: prefix))
        } else {
            try reserve(opening.request, tokens: tokens, slot: slot, prefix: opening.prefix, at: now)
        }
    }

    // MARK: KV cache

    mutating func arrived(_ chunk: ArrivedKV, at now: Double) throws(Fault) {
        let request = chunk.request
        guard !closed.contains(request), let stage = try target(of: chunk) else { return }
        guard chunk.total > 0, chunk.total <= limits.model.maxContext, chunk.reservedTokens >= chunk.total,
            chunk.reservedTokens <= limits.model.maxContext + 1, !stage.isPrefill
        else { throw Fault("bad_request", "the lengths of the KV transfer do not fit together") }
        guard chunk.type == stage.kvType else {
            let refusal = Fault(
                "wrong_kv_type",
                "KV cache of type \(chunk.type.rawValue) came for replica \(stage.replica.id), whose plan says "
                    + stage.kvType.rawValue)
            report(request, .failed(refusal), epoch: chunk.epoch)
            closeHere(request, tellNext: false)
            throw refusal
        }
        let slot = stage.slot
        if stage.sequences[request] == nil {
            do throws(Fault) {
                try reserve(request, tokens: chunk.reservedTokens, slot: slot, at: now)
            } catch {
                closed.insert(request)
                report(request, .failed(error), epoch: chunk.epoch)
                throw error
            }
        }
        var arrival =
            stages[slot]?.sequences[request]?.arrival
            ?? KVArrival(layers: stage.layers, total: chunk.total, model: limits.model)
        let opening = stages[slot]?.sequences[request]?.opening
        arrival.hold(max(chunk.from, opening.map(cachedTokens) ?? 0))
        guard opening.map({ cachedTokens($0) >= arrival.held }) ?? true else { return lacksHeld(request) }
        let isNew: Bool
        do {
            isNew = try arrival.accept(layers: chunk.layers, start: chunk.start, count: chunk.count, total: chunk.total)
        } catch {
            let refusal = Fault(
                "bad_transfer", "KV of \(chunk.layers) from \(chunk.start) on: \(error)", isRetriable: true)
            if error == .outOfOrder {
                // A chunk was lost, and nobody sends it again.
                report(request, .failed(refusal), epoch: chunk.epoch)
                closeHere(request, tellNext: false)
            }
            throw refusal
        }
        stages[slot]?.sequences[request]?.heard = now
        guard isNew else { return }
        stages[slot]?.sequences[request]?.arrival = arrival
        stages[slot]?.counters.kvTransferBytes += chunk.bytes
        emit(
            .importKV(request, slot: slot, layers: chunk.layers, positions: chunk.start..<chunk.start + chunk.count))
        guard arrival.isComplete else { return }
        // Steps queue behind the import on the compute thread, so the transfer counts as complete now.
        if stage.isFirst {
            drive(slot) { $0.kvComplete(request, stage: 0) }
        } else {
            emit(.kvComplete(request, layers: stage.layers, epoch: chunk.epoch, to: chunk.firstStage))
        }
    }

    /// The stage that a piece of KV cache is for.
    private func target(of chunk: ArrivedKV) throws(Fault) -> HeldStage? {
        if let replica = chunk.replica { return try servingStage(of: replica, epoch: chunk.epoch) }
        if let stage = stage(holding: chunk.request) { return stage }
        let serving = ordered.filter { $0.isServing && !$0.isPrefill && $0.layers.overlaps(chunk.layers) }
        guard serving.count == 1, let stage = serving.first else {
            throw Fault("no_stage", "the message does not say for which stage its KV cache is", isRetriable: true)
        }
        return stage
    }

    /// What came for sequences that are not open yet waits with the driver of the replica; where there are several, with all.
    mutating func noteEarly(_ request: RequestID, layers: LayerRange) {
        guard !closed.contains(request) else { return }
        for stage in ordered where stage.isFirst && !stage.isPrefill {
            guard let index = stage.replica.stages.firstIndex(where: { $0.layers == layers }) else { continue }
            drive(stage.slot) { $0.kvComplete(request, stage: index) }
        }
    }

    mutating func noteEarly(_ request: RequestID, token: Int32, _ reason: FinishReason?) {
        guard !closed.contains(request) else { return }
        for stage in ordered where stage.isFirst && !stage.isPrefill {
            drive(stage.slot) { $0.firstToken(request, token: token, finishReason: reason) }
        }
    }

    // MARK: Leases

    mutating func kept(_ requests: [RequestID], at now: Double) {
        var onward: [String: [RequestID]] = [:]
        var epochs: [String: Epoch] = [:]
        for request in requests {
            guard let stage = stage(holding: request), !stage.isFirst, let held = stage.sequences[request] else {
                continue
            }
            stages[stage.slot]?.sequences[request]?.heard = now
            guard let opening = held.opening, let next = stage.next(opening) else { continue }
            onward[next, default: []].append(request)
            epochs[next] = stage.formed
        }
        for (next, requests) in onward.sorted(by: { $0.key < $1.key }) {
            emit(.keep(requests, epoch: epochs[next] ?? epoch, to: next))
        }
    }

    /// Tells the later stages which sequences are still driven here, and frees those that nobody drives any more.
    mutating func renewLeases(at now: Double) {
        for stage in ordered {
            if stage.isFirst, now - stage.keptAt >= limits.keepSeconds {
                stages[stage.slot]?.keptAt = now
                var onward: [String: [RequestID]] = [:]
                for (request, held) in stage.sequences {
                    guard let opening = held.opening, let next = stage.next(opening) else { continue }
                    onward[next, default: []].append(request)
                }
                for (next, requests) in onward.sorted(by: { $0.key < $1.key }) {
                    emit(.keep(requests.sorted(), epoch: stage.formed, to: next))
                }
            }
            for (request, held) in stage.sequences.sorted(by: { $0.key < $1.key })
            where !(stage.isFirst && held.opening != nil) && now - held.heard > limits.leaseSeconds {
                emit(.note("frees request \(request): nobody has driven it for \(Int(limits.leaseSeconds)) s"))
                close(request, on: stage.slot, tellNext: false)
            }
            for (request, leaving) in stage.leaving where now - leaving.heard > limits.leaseSeconds {
                emit(.note("frees request \(request): its KV cache could not leave for \(Int(limits.leaseSeconds)) s"))
                closeLeaving(request, tellNext: false)
            }
        }
    }

    // MARK: Ends

    mutating func cancel(_ request: RequestID) {
        closeLeaving(request, tellNext: true)
        if let stage = stage(holding: request), stage.driver.contains(request) {
            drive(stage.slot) { $0.cancel(request) }
        } else {
            closeHere(request, tellNext: true)
        }
    }

    /// A sequence cannot go on here: the scheduler decides what becomes of the request.
    mutating func fail(_ request: RequestID, _ refusal: Fault) {
        guard let stage = stage(holding: request), let held = stage.sequences[request] else { return }
        emit(.note("request \(request) fails: \(refusal.message)"))
        if refusal.code == Fault.prefixMissingCode { notePrefixLost(stage) }
        report(request, .failed(refusal), epoch: held.opening?.epoch ?? stage.formed)
        if stage.driver.contains(request) {
            drive(stage.slot) { $0.cancel(request, reason: .error) }
        } else {
            closeHere(request, tellNext: false)
        }
    }

    /// Frees a sequence on this stage.
    mutating func closeHere(_ request: RequestID, tellNext: Bool, keeping: [KVBlockRun] = []) {
        closed.insert(request)
        if let slot = slots[request] { close(request, on: slot, tellNext: tellNext, keeping: keeping) }
    }

    private mutating func close(
        _ request: RequestID, on slot: Int, tellNext: Bool, keeping: [KVBlockRun] = []
    ) {
        guard let stage = stages[slot], let held = stage.sequences[request] else { return }
        if slots[request] == slot {
            closed.insert(request)
            slots[request] = nil
        }
        stages[stage.slot]?.sequences[request] = nil
        stages[stage.slot]?.reservedBlocks -= held.blocks
        let keeping = blocksToKeep(of: request, stage, told: keeping)
        // What a later stage keeps is bounded by its first stage, which knows nothing of other stages in this process.
        let mayKeep = stage.isFirst || stages.count == 1
        if !mayKeep, !keeping.isEmpty { notePrefixLost(stage) }
        emit(.close(request, slot: stage.slot, keeping: mayKeep ? keeping : []))
        if tellNext, let opening = held.opening, let next = stage.next(opening) {
            emit(.closeNext(request, epoch: opening.epoch, keeping: keeping, to: next))
        }
    }

    /// A peer takes nothing any more: what goes over it ends, so that it holds up nobody else. Where it is a gateway nobody
    /// waits for the request; otherwise it goes on elsewhere.
    mutating func lose(_ endpoint: String, dropped: [RequestID]) {
        let refusal = Fault("peer_lost", "\(endpoint) takes nothing any more", isRetriable: true)
        for stage in ordered {
            // What waited for it is dropped, steps among it.
            if stage.isFirst, stage.nextEndpoint == endpoint { drive(stage.slot) { $0.loseSteps() } }
            for (request, held) in stage.sequences.sorted(by: { $0.key < $1.key }) {
                guard let route = held.opening?.route else { continue }
                if route.gateway == endpoint {
                    cancel(request)
                } else if stage.needed(of: route).contains(where: { $0.endpoint == endpoint }) {
                    fail(request, refusal)
                }
            }
            for (request, leaving) in stage.leaving.sorted(by: { $0.key < $1.key })
            where leaving.move.route.decode.contains(where: { $0.endpoint == endpoint }) {
                report(request, .failed(refusal), epoch: leaving.move.epoch)
                closeLeaving(request, tellNext: true)
            }
        }
        // Sequences that are done here, but whose KV cache or first token has not arrived.
        for request in dropped where closed.contains(request) {
            report(request, .failed(refusal), epoch: epoch)
        }
    }

    // MARK: Reports

    mutating func report(_ request: RequestID, _ moment: RequestEvent.Moment, epoch: Epoch, generated: Int = 0) {
        emit(.report(RequestReport(request, moment, generatedTokens: generated), epoch: epoch))
    }
}
