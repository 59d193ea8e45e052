import Domain
import Inference
import Messaging
import Protocol
import Scheduling
import ServiceRuntime

/// Steps: composed by the driver on the first stage, computed, handed on, sampled on the last stage.
extension StageWorker {
    /// Lets the driver react and performs what it says.
    func drive(_ input: (inout StageDriver) -> [StageInstruction]) {
        guard var driver = stage?.driver else { return }
        let instructions = input(&driver)
        stage?.driver = driver
        perform(instructions)
    }

    func driverFinished(_ step: UInt64, _ results: [StepResult]) {
        drive { $0.stepDone(step, results: results) }
    }

    func perform(_ instructions: [StageInstruction]) {
        for instruction in instructions {
            switch instruction {
            case .close(let request): closeHere(request, tellNext: true)
            case .prefillStarted(let request): report(request, RequestEvent(kind: .prefillStarted))
            case .prefillFinished(let request): report(request, RequestEvent(kind: .prefillFinished))
            case .kvComplete(let request): report(request, RequestEvent(kind: .kvComplete))
            case .decodeStarted(let request): report(request, RequestEvent(kind: .decodeStarted))
            case .finished(let request, let reason):
                report(request, RequestEvent(kind: .finished, finishReason: reason))
            }
        }
    }

    /// Starts a step of the driver.
    func startStep(_ step: Step) {
        guard let active = stage else { return }
        var tokens: [Int32] = []
        var parts: [StageEngine.Part] = []
        for part in step.parts {
            guard let held = active.sequences[part.request] else { continue }
            if let token = part.inputToken {
                tokens.append(token)
            } else {
                tokens += held.tokens[part.start..<part.start + part.count]
            }
            let entry = StepEntry(
                request: part.request, start: part.start, count: part.count, sample: part.sample,
                inputToken: part.inputToken)
            parts.append(StageEngine.Part(entry: entry, consumers: consumers(of: entry, active)))
        }
        submit(step.number, parts, .tokens(tokens), slot: active.slot)
    }

    /// Rows came from the stage before.
    func forwardArrived(_ message: WireMessage) throws {
        try checkEpoch(message)
        let body: StageForward = try message.body()
        guard let active = stage, body.replica == active.replica.id, body.stage == active.index, !active.isFirst else {
            throw WorkerRefusal(code: "wrong_stage", message: "the step is for stage \(body.stage) of \(body.replica)")
        }
        let rows = body.entries.reduce(0) { $0 + max(0, min($1.count, 1 << 16)) }
        let (shape, frame) = try message.tensor("hidden", .f32, dimensions: 2)
        guard shape == [rows, description.hidden], body.entries.allSatisfy({ $0.count > 0 && $0.start >= 0 }) else {
            throw ProtocolError(.badTensor, "stage.forward: tensor hidden has the shape \(shape) for \(rows) rows")
        }
        // Sequences that were closed meanwhile are left out; the step itself goes on so that the driver gets its credit.
        let width = description.hidden * 4
        var hidden: [UInt8] = []
        hidden.reserveCapacity(frame.count)
        var parts: [StageEngine.Part] = []
        frame.withUnsafeBytes { bytes in
            var row = 0
            for entry in body.entries {
                if active.sequences[entry.request]?.open != nil {
                    parts.append(StageEngine.Part(entry: entry, consumers: consumers(of: entry, active)))
                    hidden.append(contentsOf: bytes[row * width..<(row + entry.count) * width])
                }
                row += entry.count
            }
        }
        submit(body.step, parts, .hidden(hidden), slot: active.slot)
    }

    private func consumers(of entry: StepEntry, _ active: ActiveStage) -> [RouteStage] {
        guard active.replica.role == .prefill, let open = active.sequences[entry.request]?.open else { return [] }
        return open.route.decode
    }

    private func submit(_ number: UInt64, _ parts: [StageEngine.Part], _ input: StageInput, slot: Int) {
        stepsOnThread += 1
        compute.enqueue { local in
            guard let engine = local.engines[slot] else { throw CancellationError() }
            guard !parts.isEmpty else {
                let output: StageEngine.Outcome.Output = engine.executor.isLast ? .sampled([]) : .hidden([])
                return StageEngine.Outcome(output: output, exports: [], seconds: 0)
            }
            return try engine.step(parts, input: input)
        } completion: { [events] result in
            events.push(.stepped(result, slot: slot, number: number, parts: parts))
        }
    }

    func handleStep(
        _ result: Result<StageEngine.Outcome, any Error>, slot: Int, number: UInt64, parts: [StageEngine.Part]
    ) {
        guard let active = stage, active.slot == slot else { return }
        switch result {
        case .success(let outcome):
            count(outcome, parts)
            for export in outcome.exports { send(export, active) }
            switch outcome.output {
            case .hidden(let hidden): sendHidden(hidden, number, parts, active)
            case .sampled(let sampled): deliver(sampled, number, active)
            }
        case .failure(let error):
            let body = errorBody(error)
            for part in parts { fail(part.entry.request, body) }
            // The step is over for the driver too, or it would wait for it for ever.
            finish(number, [], active)
        }
    }

    private func sendHidden(_ hidden: [UInt8], _ number: UInt64, _ parts: [StageEngine.Part], _ active: ActiveStage) {
        guard let next = active.nextEndpoint else { return }
        let body = StageForward(
            step: number, replica: active.replica.id, stage: active.index + 1, entries: parts.map(\.entry),
            hidden: description.hidden)
        links.send(Outgoing(.stageForward, epoch: epoch, body: body, tensors: [Frame(elements: hidden)]), to: next)
    }

    /// The last stage: tokens go to the gateway, to the decoder replica after prefill, and back to the driver.
    private func deliver(_ sampled: [StageEngine.Sampled], _ number: UInt64, _ active: ActiveStage) {
        for token in sampled {
            let result = token.result
            guard let open = active.sequences[result.request]?.open else { continue }
            links.send(
                Outgoing(
                    .tokensEmitted, request: result.request, epoch: epoch, seq: UInt64(token.index),
                    final: result.finishReason != nil,
                    body: TokensEmitted(tokens: [result.token], finishReason: result.finishReason)),
                to: open.route.gateway)
            if active.replica.role == .prefill {
                links.send(
                    Outgoing(
                        .sequenceFirstToken, request: result.request, epoch: epoch,
                        body: FirstToken(token: result.token, finishReason: result.finishReason)),
                    to: open.route.decode[0].endpoint)
            }
        }
        finish(number, sampled.map(\.result), active)
    }

    private func finish(_ number: UInt64, _ results: [StepResult], _ active: ActiveStage) {
        if active.isFirst { return driverFinished(number, results) }
        guard let first = active.firstEndpoint else { return }
        let tokens = results.map { StepToken(request: $0.request, token: $0.token, finishReason: $0.finishReason) }
        links.send(
            Outgoing(
                .stageDone, epoch: epoch, body: StageDone(step: number, replica: active.replica.id, tokens: tokens)),
            to: first)
    }

    private func send(_ export: StageEngine.KVExport, _ active: ActiveStage) {
        guard let held = active.sequences[export.request], let open = held.open else { return }
        let total = open.tensors.first?.shape.first ?? 0
        let body = KVChunk(
            layers: export.layers, start: export.start, count: export.count, total: total,
            reservedTokens: open.reservedTokens, firstStage: open.route.decode[0].endpoint,
            kvHeads: description.kvHeads, headDim: description.headDim, type: configuration.kvType)
        stage?.counters.kvTransferBytes += export.bytes.count
        links.send(
            Outgoing(
                .kvChunk, request: export.request, epoch: epoch, body: body, tensors: [Frame(elements: export.bytes)]),
            to: export.endpoint)
    }

    private func count(_ outcome: StageEngine.Outcome, _ parts: [StageEngine.Part]) {
        let decode = parts.reduce(0) { $0 + ($1.entry.inputToken == nil ? 0 : 1) }
        let prompt = parts.reduce(0) { $0 + ($1.entry.inputToken == nil ? $1.entry.count : 0) }
        guard decode + prompt > 0 else { return }
        // A mixed step is counted under both phases by its share of rows.
        let promptSeconds = outcome.seconds * Double(prompt) / Double(prompt + decode)
        stage?.counters.prefillTokens += prompt
        stage?.counters.prefillSeconds += promptSeconds
        stage?.counters.decodeSteps += decode > 0 ? 1 : 0
        stage?.counters.decodeRows += decode
        stage?.counters.decodeSeconds += outcome.seconds - promptSeconds
    }
}
