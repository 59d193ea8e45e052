internal import Domain

/// Sequences that go on in another replica with their KV cache. The replica that they leave plays the part of the one that
/// prefills: it opens them, sends KV cache and the newest token, and frees them when all is sent.
///
/// The stage that a sequence goes to may be in this very process; what leaves is therefore kept apart from what is held.
extension StageCore {
    /// The scheduler wants a sequence elsewhere; what cannot be moved is reported, so that it is computed again there.
    mutating func move(_ move: SequenceMove) {
        do throws(Fault) {
            try checkMove(move)
        } catch {
            emit(.note("\(move.request) cannot be moved: \(error)"))
            report(move.request, .failed(error), epoch: move.epoch)
            // It must not go on here and there.
            cancel(move.request)
        }
    }

    private mutating func checkMove(_ move: SequenceMove) throws(Fault) {
        let stage = try stageLeft(by: move)
        stages[stage.slot]?.sequences[move.request]?.move = move
        var isRunning = false
        drive(stage.slot) { driver in
            guard let instructions = driver.leave(move.request) else { return [] }
            isRunning = true
            return instructions
        }
        guard isRunning else {
            throw Fault("cannot_move", "the sequence does not decode yet", isRetriable: true)
        }
    }

    /// The stage that a sequence is to leave.
    private func stageLeft(by move: SequenceMove) throws(Fault) -> HeldStage {
        let stage = try servingStage(of: move.route.prefillReplica ?? "", epoch: move.epoch)
        let side = move.route.prefill
        guard stage.sequences[move.request] != nil else {
            throw Fault("not_open", "the sequence is not open here", isRetriable: true)
        }
        guard side.count == stage.replica.stages.count, side[stage.index].layers == stage.layers,
            !move.route.decode.isEmpty, move.route.decodeReplica != stage.replica.id
        else { throw Fault("bad_route", "the route does not lead away from this stage") }
        return stage
    }

    /// Nothing of the sequence is under way: the other replica learns it, and the KV cache follows.
    mutating func leave(_ request: RequestID, _ output: [Int32], _ slot: Int) {
        guard let stage = stages[slot], let held = stage.sequences[request], let opening = held.opening,
            var move = held.move, let token = output.last
        else { return }
        let tokens = opening.tokens + output.dropLast()
        move.positions = tokens.count
        // It may have grown since the way was chosen.
        if move.capacityTokens != nil { move.reservedTokens = max(move.reservedTokens, tokens.count + 1) }
        let first = move.route.decode[0].endpoint
        var next = SequenceOpening(
            request: request, epoch: move.epoch, route: move.route, tokens: tokens,
            generatedTokens: opening.generatedTokens + output.count - 1, sampling: opening.sampling,
            stop: opening.stop, reservedTokens: move.reservedTokens, capacityTokens: move.capacityTokens,
            reusesPrefixes: move.reusesPrefixes, cacheSalt: opening.cacheSalt)
        next.constraint = opening.constraint
        emit(.open(next, to: first))
        emit(.firstToken(request, token: token, nil, epoch: move.epoch, to: first))
        depart(move, stage)
    }

    /// The stage before says that a sequence leaves: all its steps have been computed here.
    mutating func moved(_ move: SequenceMove) throws(Fault) {
        do throws(Fault) {
            let stage = try stageLeft(by: move)
            guard move.positions > 0, move.positions <= limits.model.maxContext else {
                throw Fault("bad_request", "a sequence with \(move.positions) positions cannot be moved")
            }
            depart(move, stage)
        } catch {
            report(move.request, .failed(error), epoch: move.epoch)
            throw error
        }
    }

    private mutating func depart(_ move: SequenceMove, _ stage: HeldStage) {
        let (request, slot) = (move.request, stage.slot)
        guard let held = stages[slot]?.sequences.removeValue(forKey: request) else { return }
        // It is the replica itself that goes away, so nothing needs to be kept.
        if stage.isFirst { drop(stages[slot]?.prefixes.forget() ?? [], slot) }
        if slots[request] == slot { slots[request] = nil }
        stages[slot]?.leaving[request] = LeavingSequence(move: move, blocks: held.blocks, heard: now)
        if !stage.isLast { emit(.moveNext(move, to: move.route.prefill[stage.index + 1].endpoint)) }
    }

    // MARK: Sending

    /// Orders the next piece of KV cache of a sequence that leaves, where the links have room for it.
    mutating func startExport(_ slot: Int) -> Bool {
        guard let stage = stages[slot] else { return false }
        if stage.isPrefill { return startHandover(stage) }
        for (request, leaving) in stage.leaving.sorted(by: { $0.key < $1.key }) where !leaving.isOrdered {
            let consumers = leaving.move.route.consumers(of: stage.layers)
            guard consumers.allSatisfy({ waitingBytes($0.endpoint) <= limits.linkBytes(stage.layers) }) else {
                continue
            }
            let end = min(leaving.move.positions, leaving.sent + limits.maxBatchedTokens)
            let order = ExportOrder(
                id: nextOrder(), slot: slot, request: request, positions: leaving.sent..<end, consumers: consumers,
                total: leaving.move.positions)
            stepsAhead += 1
            stages[slot]?.leaving[request]?.isOrdered = true
            stages[slot]?.leaving[request]?.ordered = end
            stages[slot]?.exporting[order.id] = request
            emit(.export(order))
            return true
        }
        return false
    }

    mutating func exported(_ order: UInt64, _ exports: [StepOutcome.Export]) {
        guard let (slot, request) = takeExport(order) else { return }
        if let stage = stages[slot], stage.isPrefill { return handedOver(request, exports, stage) }
        guard var leaving = stages[slot]?.leaving[request] else { return }
        let move = leaving.move
        let type = stages[slot]?.kvType ?? .f16
        for (index, export) in exports.enumerated() {
            stages[slot]?.counters.kvTransferBytes += export.bytes
            let sending = KVSending(
                request: request, replica: move.route.decodeReplica, epoch: move.epoch, layers: export.layers,
                type: type,
                start: export.start, count: export.count, total: move.positions, reservedTokens: move.reservedTokens,
                firstStage: move.route.decode[0].endpoint)
            emit(.sendKV(sending, export: index, to: export.endpoint))
        }
        // Also where all layers have a window that lies further on, so that there was nothing to send.
        leaving.sent = leaving.ordered
        leaving.isOrdered = false
        leaving.heard = now
        stages[slot]?.leaving[request] = leaving
        if leaving.sent >= move.positions { closeLeaving(request, on: slot) }
    }

    mutating func exportFailed(_ order: UInt64, _ refusal: Fault) {
        guard let (slot, request) = takeExport(order) else { return }
        if stages[slot]?.isPrefill == true { return fail(request, refusal) }
        guard let leaving = stages[slot]?.leaving[request] else { return }
        report(request, .failed(refusal), epoch: leaving.move.epoch)
        closeLeaving(request, on: slot)
    }

    /// Of a stage, or a forming of it, that is no more there is nothing to be done.
    private mutating func takeExport(_ order: UInt64) -> (slot: Int, request: RequestID)? {
        stepsAhead -= 1
        guard let stage = stages.values.first(where: { $0.exporting[order] != nil }),
            let request = stages[stage.slot]?.exporting.removeValue(forKey: order)
        else { return nil }
        return (stage.slot, request)
    }

    // MARK: Ends

    /// Frees what leaves, sent or not.
    mutating func closeLeaving(_ request: RequestID, tellNext: Bool) {
        for stage in ordered {
            guard let leaving = stage.leaving[request] else { continue }
            closeLeaving(request, on: stage.slot)
            if tellNext, !stage.isLast {
                emit(
                    .closeNext(
                        request, epoch: leaving.move.epoch, to: leaving.move.route.prefill[stage.index + 1].endpoint))
            }
        }
    }

    private mutating func closeLeaving(_ request: RequestID, on slot: Int) {
        guard let leaving = stages[slot]?.leaving.removeValue(forKey: request) else { return }
        stages[slot]?.reservedBlocks -= leaving.blocks
        emit(.close(request, slot: slot))
    }
}
