internal import Domain

/// Steps: composed by the driver on the first stage, computed, handed on, sampled on the last stage.
extension StageCore {
    /// Lets the driver of a first stage react and does what it says.
    mutating func drive(_ slot: Int, _ input: (inout StageDriver) -> [DriverInstruction]) {
        guard var driver = stages[slot]?.driver else { return }
        let instructions = input(&driver)
        stages[slot]?.driver = driver
        perform(instructions, slot)
    }

    private mutating func perform(_ instructions: [DriverInstruction], _ slot: Int) {
        var last: [RequestID: (generated: Int, epoch: Epoch)] = [:]
        for instruction in instructions {
            let request = instruction.request
            if let held = stages[slot]?.sequences[request] {
                last[request] = (held.generated, held.opening?.epoch ?? epoch)
            }
            let generated = last[request]?.generated ?? 0
            let epoch = last[request]?.epoch ?? epoch
            switch instruction {
            case .close: closeHere(request, tellNext: true)
            case .prefillStarted: report(request, .prefillStarted, epoch: epoch, generated: generated)
            case .prefillFinished: report(request, .prefillFinished, epoch: epoch, generated: generated)
            case .kvComplete:
                noteTransferred(request, slot)
                report(request, .kvComplete, epoch: epoch, generated: generated)
            case .decodeStarted: report(request, .decodeStarted, epoch: epoch, generated: generated)
            case .grow(_, let tokens): grow(request, to: tokens, slot)
            case .preempted:
                emit(.note("request \(request) yields its KV cache to older ones"))
                report(request, .failed(.preempted), epoch: epoch, generated: generated)
            case .lost:
                fail(request, Fault("step_lost", "a step was lost between two stages", isRetriable: true))
            case .left(_, let output): leave(request, output, slot)
            case .finished(_, let reason): report(request, .finished(reason), epoch: epoch, generated: generated)
            }
        }
    }

    // MARK: Starting

    /// Orders steps while there is work, room on the links, and the compute thread is not ahead of itself; stages take turns.
    mutating func pump() {
        var idle = 0
        while stepsAhead < limits.stepsAhead, !stages.isEmpty, idle < stages.count {
            let slots = stages.keys.sorted()
            let slot = slots.first { $0 > lastTurn } ?? slots[0]
            lastTurn = slot
            let steps = startStep(slot)
            let exports = stepsAhead < limits.stepsAhead && startExport(slot)
            idle = steps || exports ? 0 : idle + 1
        }
    }

    private mutating func startStep(_ slot: Int) -> Bool {
        guard let stage = stages[slot], stage.isServing else { return false }
        guard stage.isFirst else { return startWaiting(slot) }
        guard !isFull(stage) else { return false }
        findPrefixesAgain(slot)
        guard let stage = stages[slot] else { return false }
        let room = room(of: stage)
        drive(slot) { $0.makeRoom(room) }
        guard var driver = stages[slot]?.driver, let next = driver.nextStep(holdingBack: heldBack(stage), at: now)
        else {
            return false
        }
        stages[slot]?.driver = driver
        stages[slot]?.underWay[next.step.number] = next.step.parts
        if driver.stepsInFlight == 1 { stages[slot]?.stepAt = now }
        perform(next.instructions, slot)
        guard let stage = stages[slot] else { return true }
        var tokens: [Int32] = []
        var parts: [StepOrder.Part] = []
        for part in next.step.parts {
            guard let opening = stage.sequences[part.request]?.opening else { continue }
            if let token = part.inputToken {
                tokens.append(token)
                tokens += part.guesses ?? []
            } else {
                tokens += opening.tokens[part.start..<part.start + part.count]
            }
            parts.append(
                StepOrder.Part(
                    part: part, consumers: stage.consumers(part.request), total: opening.tokens.count,
                    from: stage.handedFrom(part.request), rows: tokens.count - part.count..<tokens.count))
        }
        order(StepOrder(id: nextOrder(), slot: slot, number: next.step.number, parts: parts, input: .tokens(tokens)))
        return true
    }

    private mutating func order(_ order: StepOrder) {
        stepsAhead += 1
        stages[order.slot]?.computing[order.id] = order
        emit(.step(order))
    }

    /// Names an order of the compute thread.
    mutating func nextOrder() -> UInt64 {
        lastOrder += 1
        return lastOrder
    }

    /// Whether what waits for the next stage is over the bound.
    private func isFull(_ stage: HeldStage) -> Bool {
        stage.nextEndpoint.map { waitingBytes($0) > limits.linkBytes(stage.layers) } ?? false
    }

    /// Sequences whose KV cache has to wait for a decoder stage that does not keep up, or begins with some that is not
    /// handed over yet; others go on.
    private func heldBack(_ stage: HeldStage) -> Set<RequestID> {
        guard stage.isPrefill else { return [] }
        return Set(
            stage.sequences.keys.filter { request in
                stage.sequences[request]?.handover.isReady == false
                    || stage.consumers(request).contains {
                        waitingBytes($0.endpoint) > limits.linkBytes(stage.layers)
                    }
            })
    }

    /// Rows came from the stage before.
    mutating func forwarded(_ step: ForwardedStep) throws(Fault) {
        let stage = try servingStage(of: step.replica, epoch: step.epoch)
        guard stage.index == step.stage, !stage.isFirst else {
            throw Fault("wrong_stage", "the step is for stage \(step.stage) of \(step.replica)")
        }
        let waiting = HeldStage.WaitingStep(order: nextOrder(), number: step.number, parts: step.parts)
        guard stage.waiting.isEmpty, mayCompute(step.parts, stage) else {
            // More than the first stage may have under way has no claim to memory here.
            guard stage.waiting.count <= 2 * stage.replica.stages.count + 2 else {
                if let first = stage.firstEndpoint {
                    emit(.stepDone(replica: step.replica, step: step.number, [], epoch: stage.formed, to: first))
                }
                throw Fault("too_many_steps", "\(stage.waiting.count) steps wait already", isRetriable: true)
            }
            stages[stage.slot]?.waiting.append(waiting)
            return emit(.hold(order: waiting.order))
        }
        compute(waiting, stage, .received)
    }

    private mutating func startWaiting(_ slot: Int) -> Bool {
        guard let stage = stages[slot], let first = stage.waiting.first, mayCompute(first.parts, stage) else {
            return false
        }
        stages[slot]?.waiting.removeFirst()
        compute(first, stage, .held)
        return true
    }

    /// A stage withholds a step, and with it the credit for another one, while what it would send has to wait.
    private func mayCompute(_ parts: [StepPart], _ stage: HeldStage) -> Bool {
        guard !isFull(stage) else { return false }
        guard stage.isPrefill else { return true }
        let held = heldBack(stage)
        return !parts.contains { held.contains($0.request) }
    }

    /// Sequences that were closed meanwhile are left out; the step itself goes on so that the driver gets its credit.
    private mutating func compute(_ step: HeldStage.WaitingStep, _ stage: HeldStage, _ input: StepOrder.Input) {
        var parts: [StepOrder.Part] = []
        var row = 0
        for part in step.parts {
            if let opening = stage.sequences[part.request]?.opening, holds(part, slot: stage.slot) {
                parts.append(
                    StepOrder.Part(
                        part: part, consumers: stage.consumers(part.request), total: opening.tokens.count,
                        from: stage.handedFrom(part.request), rows: row..<row + part.count))
            }
            row += part.count
        }
        order(StepOrder(id: step.order, slot: stage.slot, number: step.number, parts: parts, input: input))
    }

    // MARK: Ending

    mutating func computed(_ id: UInt64, _ outcome: StepOutcome) {
        stepsAhead -= 1
        // Of a stage, or a forming of it, that is no more.
        guard let stage = takeStage(computing: id) else { return }
        count(outcome, stage.slot)
        if stage.isFirst, !outcome.failed.isEmpty, let number = stage.computing[id]?.number {
            stages[stage.slot]?.underWay[number]?.removeAll { outcome.failed[$0.request] != nil }
        }
        for (index, export) in outcome.exports.enumerated() { send(export, index, stage) }
        if stage.isLast {
            // The next step must not wait for the tokens of this one to be written down for people.
            finish(id, outcome.sampled.map(\.result), stage)
            pump()
            deliver(outcome, stage)
        } else if let next = stage.nextEndpoint {
            let step = ForwardedStep(
                replica: stage.replica.id, stage: stage.index + 1, epoch: stage.formed,
                number: stage.computing[id]?.number ?? 0, parts: outcome.parts)
            emit(.forward(step, to: next))
        }
        for (request, refusal) in outcome.failed.sorted(by: { $0.key < $1.key }) { fail(request, refusal) }
    }

    mutating func computeFailed(_ id: UInt64, _ refusal: Fault) {
        stepsAhead -= 1
        guard let stage = takeStage(computing: id) else { return }
        for part in stage.computing[id]?.parts ?? [] { fail(part.part.request, refusal) }
        // The step is over for the driver too, or it would wait for it for ever.
        finish(id, [], stage)
    }

    /// The stage of an order as it was when it computed; the order is done.
    private mutating func takeStage(computing id: UInt64) -> HeldStage? {
        guard let stage = stages.values.first(where: { $0.computing[id] != nil }) else { return nil }
        stages[stage.slot]?.computing[id] = nil
        return stage
    }

    /// The last stage: tokens go to the gateway, and after prefill to the decoder replica, which waits for them.
    private mutating func deliver(_ outcome: StepOutcome, _ stage: HeldStage) {
        for part in outcome.scored {
            guard let opening = stage.sequences[part.request]?.opening else { continue }
            for start in stride(from: 0, to: part.scores.count, by: TokenLikelihood.mostPositions) {
                emit(
                    .emitPrompt(
                        part.request, start: part.start + start,
                        scores: Array(part.scores.dropFirst(start).prefix(TokenLikelihood.mostPositions)),
                        epoch: opening.epoch, to: opening.route.gateway))
            }
        }
        var rest = outcome.sampled[...]
        while let token = rest.first {
            let request = token.result.request
            let together = rest.prefix { $0.result.request == request }
            rest = rest.dropFirst(together.count)
            guard let opening = stage.sequences[request]?.opening, let last = together.last else { continue }
            if stage.isPrefill {
                emit(
                    .firstToken(
                        request, token: token.result.token, token.result.finishReason, epoch: opening.epoch,
                        to: opening.route.decode[0].endpoint))
            }
            let isFirst = token.index == opening.generatedTokens
            let cached = isFirst && opening.prefix != nil ? cachedTokens(opening) : nil
            emit(
                .emit(
                    request, index: token.index, tokens: together.map(\.result.token), last.result.finishReason,
                    epoch: opening.epoch, cached: cached,
                    guessed: outcome.parts.first { $0.request == request }?.guesses?.count,
                    scores: together.compactMap(\.score), to: opening.route.gateway))
        }
    }

    private mutating func finish(_ id: UInt64, _ results: [StepResult], _ stage: HeldStage) {
        guard let number = stage.computing[id]?.number else { return }
        if stage.isFirst { return finished(number, results, slot: stage.slot) }
        guard let first = stage.firstEndpoint else { return }
        emit(.stepDone(replica: stage.replica.id, step: number, results, epoch: stage.formed, to: first))
    }

    /// A step has left the last stage.
    mutating func finished(_ step: UInt64, _ results: [StepResult], slot: Int) {
        stages[slot]?.stepAt = now
        noteComputed(step, results, slot)
        for result in results { stages[slot]?.sequences[result.request]?.generated += 1 }
        let now = now
        drive(slot) { $0.stepDone(step, results: results, at: now) }
    }

    /// Steps of which nothing has come back for so long that nothing will: a connection broke with them on it.
    mutating func giveUpSteps() {
        for stage in ordered
        where stage.isFirst && stage.driver.stepsInFlight > 0 && now - stage.stepAt > limits.stepSeconds {
            drive(stage.slot) { $0.loseSteps() }
        }
    }

    /// Sends a piece of the KV cache of a prompt.
    mutating func send(_ export: StepOutcome.Export, _ index: Int, _ stage: HeldStage) {
        guard let opening = stage.sequences[export.request]?.opening else { return }
        stages[stage.slot]?.counters.kvTransferBytes += export.bytes
        let sending = KVSending(
            request: export.request, replica: opening.route.decodeReplica, epoch: opening.epoch, layers: export.layers,
            type: stage.kvType,
            start: export.start, count: export.count, total: opening.tokens.count,
            from: stage.handedFrom(export.request), reservedTokens: opening.reservedTokens,
            firstStage: opening.route.decode[0].endpoint)
        emit(.sendKV(sending, export: index, to: export.endpoint))
    }

    private mutating func count(_ outcome: StepOutcome, _ slot: Int) {
        let decode = outcome.parts.reduce(0) { $0 + ($1.inputToken == nil ? 0 : $1.count) }
        let prompt = outcome.parts.reduce(0) { $0 + ($1.inputToken == nil ? $1.count : 0) }
        guard decode + prompt > 0 else { return }
        // A mixed step is counted under both phases by its share of rows.
        let promptSeconds = outcome.seconds * Double(prompt) / Double(prompt + decode)
        stages[slot]?.counters.prefillTokens += prompt
        stages[slot]?.counters.prefillSeconds += promptSeconds
        stages[slot]?.counters.decodeSteps += decode > 0 ? 1 : 0
        stages[slot]?.counters.decodeRows += decode
        stages[slot]?.counters.decodeSeconds += outcome.seconds - promptSeconds
    }
}
