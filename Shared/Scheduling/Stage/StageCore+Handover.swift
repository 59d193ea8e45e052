internal import Domain

/// Handing a prompt over to a decoder replica that may have the beginning of its KV cache.
///
/// The first stage of the decoder replica decides what a sequence begins with, as for prompts that it computes itself, and
/// says how much that is to the first stage of the prefill replica, which passes it on: what lies before is left out from
/// then on. Nobody waits for that answer to compute a prompt of which the prefill replica has nothing; until it comes
/// everything is sent, and what is there already is ignored where it arrives. KV cache that the prefill replica has kept is
/// sent when the answer has come, and steps follow it, so that positions keep their order.
extension StageCore {
    /// After so many seconds without an answer everything is sent: a message was lost.
    private static let answerSeconds = 2.0

    /// Whether only that is to be handed over which the decoder replica does not have. Layers with a window get only
    /// the end of what is computed elsewhere, and nothing is kept of it.
    func leavesOutHeld(_ opening: SequenceOpening) -> Bool {
        opening.reusesPrefixes && opening.prefillCapacityTokens != nil && limits.model.slidingWindow == nil
    }

    /// Takes note of what all stages of the replica can hold.
    mutating func noteCapacity(_ opening: SequenceOpening, _ stage: HeldStage) {
        if !stage.isPrefill {
            stages[stage.slot]?.replicaTokens = opening.capacityTokens
        } else if let tokens = opening.prefillCapacityTokens {
            stages[stage.slot]?.replicaTokens = tokens
        }
    }

    /// A sequence was opened on a stage: both sides of a handover learn what they need to know.
    mutating func beginHandover(_ opening: SequenceOpening, _ stage: HeldStage) {
        let request = opening.request
        if stage.isPrefill {
            noteReused(opening, stage.slot)
            guard stage.isFirst else { return }
            // Names of blocks mean something within a replica only.
            var handed = opening
            handed.prefix = nil
            emit(.open(handed, to: opening.route.decode[0].endpoint))
        } else if !opening.route.prefill.isEmpty {
            let cached = cachedTokens(opening)
            if let arrival = stages[stage.slot]?.sequences[request]?.arrival {
                // What came before the sequence was opened left out more than is here.
                guard arrival.held <= cached else { return lacksHeld(request) }
                stages[stage.slot]?.sequences[request]?.arrival?.hold(cached)
            }
            guard stage.isFirst, opening.reusesPrefixes, opening.prefillCapacityTokens != nil else { return }
            emit(.held(request, tokens: cached, epoch: opening.epoch, to: opening.route.prefill[0].endpoint))
        }
    }

    /// A sequence begins with what its opening says, which has to be handed over before what follows.
    mutating func noteReused(_ opening: SequenceOpening, _ slot: Int) {
        guard var handover = stages[slot]?.sequences[opening.request]?.handover else { return }
        handover.reused = min(cachedTokens(opening), opening.tokens.count - 1)
        handover.ordered = max(handover.ordered, min(handover.from, handover.reused))
        stages[slot]?.sequences[opening.request]?.handover = handover
    }

    /// KV cache was left out that this stage does not have.
    mutating func lacksHeld(_ request: RequestID) {
        fail(request, Fault(Fault.prefixMissingCode, "KV cache was left out that is not here", isRetriable: true))
    }

    /// The decoder replica has so many positions of a sequence; only the first answer counts.
    mutating func held(_ request: RequestID, _ tokens: Int) {
        guard let stage = stage(holding: request), stage.isPrefill, let held = stage.sequences[request],
            let opening = held.opening, !held.handover.isSettled
        else { return }
        var handover = held.handover
        handover.isSettled = true
        handover.from = max(0, min(tokens, opening.tokens.count - 1))
        handover.ordered = max(handover.ordered, min(handover.from, handover.reused))
        stages[stage.slot]?.sequences[request]?.handover = handover
        if let next = stage.next(opening) {
            emit(.held(request, tokens: handover.from, epoch: opening.epoch, to: next))
        }
    }

    /// Sequences for which no answer has come are handed over whole.
    mutating func settleHandovers(at now: Double) {
        for stage in ordered where stage.isPrefill {
            for (request, held) in stage.sequences.sorted(by: { $0.key < $1.key })
            where held.handover.reused > 0 && !held.handover.isSettled && now - held.heard >= Self.answerSeconds {
                self.held(request, 0)
            }
        }
    }

    // MARK: Sending

    /// Orders the next piece of what a sequence began with, where the links have room for it.
    mutating func startHandover(_ stage: HeldStage) -> Bool {
        for (request, held) in stage.sequences.sorted(by: { $0.key < $1.key }) {
            let handover = held.handover
            guard handover.isSettled, !handover.isReady, !handover.isOrdered, let opening = held.opening else {
                continue
            }
            let consumers = stage.consumers(request)
            guard consumers.allSatisfy({ waitingBytes($0.endpoint) <= limits.linkBytes(stage.layers) }) else {
                continue
            }
            let end = min(handover.reused, handover.ordered + limits.maxBatchedTokens)
            let order = ExportOrder(
                id: nextOrder(), slot: stage.slot, request: request, positions: handover.ordered..<end,
                consumers: consumers, total: opening.tokens.count)
            stepsAhead += 1
            stages[stage.slot]?.sequences[request]?.handover.ordered = end
            stages[stage.slot]?.sequences[request]?.handover.isOrdered = true
            stages[stage.slot]?.exporting[order.id] = request
            emit(.export(order))
            return true
        }
        return false
    }

    /// The compute thread has read a piece.
    mutating func handedOver(_ request: RequestID, _ exports: [StepOutcome.Export], _ stage: HeldStage) {
        stages[stage.slot]?.sequences[request]?.handover.isOrdered = false
        for (index, export) in exports.enumerated() { send(export, index, stage) }
    }
}

extension HeldStage {
    /// The first position of a sequence that its decoder replica needs.
    func handedFrom(_ request: RequestID) -> Int { sequences[request]?.handover.from ?? 0 }
}
