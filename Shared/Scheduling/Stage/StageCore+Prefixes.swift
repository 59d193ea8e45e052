internal import Domain

/// KV cache that stays when its sequence has ended, for sequences that begin with the same tokens.
///
/// The first stage of a replica decides: it knows which blocks all stages have (`PrefixBook`), names them and tells the
/// others with the messages that open and close sequences, which keep their order with steps. What is reserved is
/// counted as if nothing were shared, so that kept blocks only ever take what sequences have not reserved. A stage that
/// lacks a block nevertheless (it needed the memory) fails the sequence and says so; the first stage then forgets all
/// blocks.
extension StageCore {
    /// With what a sequence begins; `nil` where its KV cache is for itself alone.
    mutating func findPrefix(of opening: SequenceOpening, _ stage: HeldStage) -> SequencePrefix? {
        // What later stages can hold is known where sequences may grow, and of prefill replicas that keep anything.
        let mayKeep =
            stage.isPrefill
            ? opening.prefillCapacityTokens != nil : stage.isLast || opening.capacityTokens != nil
        guard opening.reusesPrefixes, mayKeep else { return nil }
        let first = lastBlockName + 1
        lastBlockName += UInt64(limits.blocks(limits.model.maxContext + 1))
        let search = stage.isPrefill || opening.route.prefill.isEmpty || leavesOutHeld(opening)
        let blocks = stages[stage.slot]?.prefixes.open(
            opening.request, tokens: opening.tokens, salt: opening.cacheSalt, first: first,
            search: search)
        return SequencePrefix(blocks: KVBlockRun.runs(blocks ?? []), next: first)
    }

    /// How many prompts that wait are looked up again before a step.
    private static let promptsLookedUp = 8

    /// Prompts that come next may begin with what others have computed since they were opened. Where there are later
    /// stages, these must know that they may be told so.
    mutating func findPrefixesAgain(_ slot: Int) {
        guard let stage = stages[slot] else { return }
        for request in stage.driver.nextPrompts(Self.promptsLookedUp) {
            guard let opening = stage.sequences[request]?.opening, opening.prefix != nil,
                stage.isLast || opening.prefillCapacityTokens != nil,
                let (blocks, next) = stages[slot]?.prefixes.searchAgain(request)
            else { continue }
            begin(request, with: SequencePrefix(blocks: KVBlockRun.runs(blocks), next: next), slot)
            stages[slot]?.driver.foundCached(request, tokens: blocks.count * limits.kvBlockTokens)
        }
    }

    /// The stage before says that a sequence begins with more blocks than when it was opened.
    mutating func prefixFound(_ request: RequestID, _ prefix: SequencePrefix) {
        guard let stage = stage(holding: request), !stage.isFirst else { return }
        begin(request, with: prefix, stage.slot)
    }

    /// A sequence begins with these blocks instead of those that it was opened with.
    private mutating func begin(_ request: RequestID, with prefix: SequencePrefix, _ slot: Int) {
        guard let stage = stages[slot], let held = stage.sequences[request], var opening = held.opening else { return }
        opening.prefix = prefix
        stages[slot]?.sequences[request]?.opening = opening
        emit(.reserve(request, slot: slot, tokens: held.reservedTokens, prefix: prefix))
        if stage.isPrefill { noteReused(opening, slot) }
        if let next = stage.next(opening) { emit(.prefixFound(request, prefix, epoch: opening.epoch, to: next)) }
    }

    /// Tokens of a sequence that were there when it was opened, or have been found since.
    func cachedTokens(_ opening: SequenceOpening) -> Int {
        (opening.prefix?.blocks ?? []).reduce(0) { $0 + $1.count } * limits.kvBlockTokens
    }

    // MARK: What is held

    /// A step has left the last stage, so all stages have computed its parts. Those before it that have not come back
    /// were lost.
    /// What `results` do not confirm of guesses is not the text.
    mutating func noteComputed(_ step: UInt64, _ results: [StepResult], _ slot: Int) {
        guard let parts = stages[slot]?.underWay.removeValue(forKey: step) else { return }
        if let old = stages[slot]?.underWay.keys.filter({ $0 < step }) {
            for number in old { stages[slot]?.underWay[number] = nil }
        }
        for part in parts {
            guard let token = part.inputToken else {
                stages[slot]?.prefixes.computed(part.request, part.start..<part.start + part.count)
                continue
            }
            let right = results.reduce(0) { $0 + ($1.request == part.request ? 1 : 0) } - 1
            let guesses = part.guesses ?? []
            for (offset, token) in ([token] + guesses.prefix(max(0, right))).enumerated() {
                stages[slot]?.prefixes.computed(
                    part.request, part.start + offset..<part.start + offset + 1, token: token)
            }
            guard !guesses.isEmpty else { continue }
            stages[slot]?.counters.guessedTokens += guesses.count
            stages[slot]?.counters.acceptedTokens += min(max(0, right), guesses.count)
        }
    }

    /// All stages have the KV cache of a prompt that was computed elsewhere. Layers with a window got the end of it
    /// only.
    mutating func noteTransferred(_ request: RequestID, _ slot: Int) {
        guard let opening = stages[slot]?.sequences[request]?.opening, limits.model.slidingWindow == nil else { return }
        let cached = cachedTokens(opening)
        stages[slot]?.prefixes.computed(request, cached..<opening.tokens.count)
    }

    /// The blocks that stay when a sequence is closed: the first stage knows, the others were told.
    mutating func blocksToKeep(of request: RequestID, _ stage: HeldStage, told: [KVBlockRun]) -> [KVBlockRun] {
        guard stage.isFirst else { return told }
        return KVBlockRun.runs(stages[stage.slot]?.prefixes.close(request) ?? [])
    }

    // MARK: Memory

    /// Blocks for sequences and for what is kept together, on every stage of a replica.
    private func blocksInAll(_ stage: HeldStage) -> Int {
        var blocks = min(stage.kvBlocks, (stage.replicaTokens ?? .max) / limits.kvBlockTokens)
        if stages.count > 1 {
            let bytes = limits.blockBytes(stage.layers, stage.kvType)
            blocks = min(blocks, stage.reservedBlocks + max(0, limits.memoryUsableBytes - usedBytes) / bytes)
        }
        return blocks
    }

    /// Sequences have reserved more: what is kept makes room for it, on all stages.
    mutating func boundPrefixes(_ slot: Int) {
        guard let stage = stages[slot], stage.isFirst, stage.prefixes.idle > 0 else { return }
        let excess = stage.reservedBlocks + stage.prefixes.idle - blocksInAll(stage)
        guard excess > 0, let evicted = stages[slot]?.prefixes.evict(excess) else { return }
        drop(evicted, slot)
    }

    /// Frees blocks that are in no book any more, here and on later stages.
    mutating func drop(_ names: [UInt64], _ slot: Int) {
        guard let stage = stages[slot], !names.isEmpty else { return }
        let blocks = KVBlockRun.runs(names.sorted())
        emit(.dropBlocks(blocks, slot: slot))
        guard !stage.isLast, let next = stage.nextEndpoint else { return }
        emit(.dropNext(blocks, replica: stage.replica.id, epoch: stage.formed, to: next))
    }

    /// The stage before has dropped blocks.
    mutating func dropped(_ blocks: [KVBlockRun], _ replica: ReplicaID, _ epoch: Epoch) throws(Fault) {
        guard let stage = try stage(of: replica, epoch: epoch), !stage.isFirst else { return }
        emit(.dropBlocks(blocks, slot: stage.slot))
        guard !stage.isLast, let next = stage.nextEndpoint else { return }
        emit(.dropNext(blocks, replica: replica, epoch: epoch, to: next))
    }

    /// Frees all that is kept on a stage and gives its memory back.
    mutating func forgetPrefixes(_ slot: Int) {
        guard let stage = stages[slot], stage.isServing else { return }
        if stage.isFirst { drop(stages[slot]?.prefixes.forget() ?? [], slot) } else { notePrefixLost(stage) }
        emit(.dropAllBlocks(slot: slot))
    }

    /// Blocks that should be here are not: the first stage must not count on any.
    mutating func notePrefixLost(_ stage: HeldStage) {
        if stage.isFirst { return drop(stages[stage.slot]?.prefixes.forget() ?? [], stage.slot) }
        guard let first = stage.firstEndpoint else { return }
        emit(.prefixLost(replica: stage.replica.id, epoch: stage.formed, to: first))
    }
}
