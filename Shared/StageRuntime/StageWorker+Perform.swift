import Domain
import Inference
import Logging
import Messaging
import Protocol
import Scheduling
import ServiceRuntime

/// From instructions of the core to the compute thread and to messages.
extension StageWorker {
    func perform(_ instruction: StageInstruction) {
        note(instruction)
        switch instruction {
        case .load(let slot, let layers, let type, let bytes): load(slot, layers, type, kvBytes: bytes)
        case .free(let slot, let keeping):
            compute.enqueue {
                $0.store.keep(keeping)
                $0.engines[slot] = nil
            } completion: { _ in
            }
        case .freeKept:
            compute.enqueue {
                $0.store.keep(nil)
            } completion: { _ in
            }
        case .reserve(let request, let slot, let tokens, let prefix):
            reserve(request, slot: slot, tokens: tokens, prefix: prefix)
        case .sample(let opening, let slot):
            compute.enqueue {
                try $0.engines[slot]?.prepareSampling(opening)
            } completion: { [events] result in
                if case .failure(let error) = result {
                    events.push(.core(.sequenceFailed(opening.request, slot: slot, Fault(error))))
                }
            }
        case .close(let request, let slot, let keeping):
            compute.enqueue {
                $0.engines[slot]?.close(request, keeping: keeping)
            } completion: { _ in
            }
        case .dropBlocks(let blocks, let slot):
            compute.enqueue {
                $0.engines[slot]?.executor.cache.drop(blocks)
            } completion: { _ in
            }
        case .dropAllBlocks(let slot):
            compute.enqueue {
                $0.engines[slot]?.executor.cache.dropKept()
            } completion: { _ in
            }
        case .step(let order): step(order)
        case .export(let order): export(order)
        case .importKV(let request, let slot, let layers, let positions):
            importKV(request, slot: slot, layers: layers, positions: positions)
        case .hold(let order): heldRows[order] = message?.tensors.first
        case .drop(let order): heldRows[order] = nil
        case .prepared(let ticket, let capacity, let block, let bytes, let epoch):
            answer(
                ticket,
                Outgoing(
                    .stagePrepared, epoch: epoch,
                    body: StagePrepared(kvCapacityTokens: capacity, kvBlockTokens: block, weightBytes: bytes)))
        case .released(let ticket): answer(ticket, Outgoing(.stageReleased))
        case .refuse(let ticket, let refusal):
            if let message = tickets.removeValue(forKey: ticket) { refuse(message, refusal) }
        case .refuseMessage(let refusal):
            if let message { refuse(message, refusal) }
        case .report(let report, let epoch): self.report(report, epoch: epoch)
        case .note(let text): logger.notice("\(text)")
        default: send(instruction)
        }
    }

    private func answer(_ ticket: StageTicket, _ answer: Outgoing) {
        if let message = tickets.removeValue(forKey: ticket) { reply(to: message, answer) }
    }

    // MARK: Compute thread

    private func load(_ slot: Int, _ layers: LayerRange, _ type: KVType, kvBytes: Int) {
        let model = model
        let configuration = configuration
        let logger = logger
        let rows = max(configuration.maxBatchedTokens, 64)
        compute.enqueue { local in
            local.store.keep(layers)
            defer { local.store.keep(nil) }
            let known = local.store.held(layers)
            let executor = try StageExecutor(
                model: model, layers: layers, threads: configuration.threads, kvBudgetBytes: kvBytes, maxRows: rows,
                kvType: type, store: local.store)
            if known > 0 { logger.info("\(known) of the layers \(layers) were here already") }
            local.engines[slot] = StageEngine(
                executor: executor, duty: DutyCycle(share: configuration.computeShare),
                constraints: local.constraints(of: model))
            return (executor.cache.capacityTokens, executor.weightBytes)
        } completion: { [events] result in
            switch result {
            case .success(let (capacity, bytes)):
                events.push(.core(.loaded(slot: slot, kvCapacityTokens: capacity, weightBytes: bytes)))
            case .failure(let error): events.push(.core(.loadFailed(slot: slot, Fault(error))))
            }
        }
    }

    private func reserve(_ request: RequestID, slot: Int, tokens: Int, prefix: SequencePrefix?) {
        compute.enqueue { local in
            try local.engines[slot]?.reserve(request, tokens: tokens, prefix: prefix)
        } completion: { [events] result in
            if case .failure(let error) = result {
                events.push(.core(.sequenceFailed(request, slot: slot, Fault(error))))
            }
        }
    }

    private func step(_ order: StepOrder) {
        let ordered = OrderedStep(order: order, place: core.place(of: order.slot))
        let input: StageEngine.Input
        switch order.input {
        case .tokens(let tokens): input = .tokens(tokens)
        case .received: input = .hidden(message?.tensors.first ?? Frame([]))
        case .held: input = .hidden(heldRows.removeValue(forKey: order.id) ?? Frame([]))
        }
        compute.enqueue { local in
            guard let engine = local.engines[order.slot] else {
                throw Fault("stage_gone", "the stage was given up", isRetriable: true)
            }
            let began = ContinuousClock.now
            let outcome = try engine.step(order.parts, input: input)
            return TimedOutcome(outcome: outcome, began: began, ended: .now)
        } completion: { [events] result in
            events.push(.computed(ordered, result))
        }
    }

    private func export(_ order: ExportOrder) {
        compute.enqueue { local in
            guard let engine = local.engines[order.slot] else {
                throw Fault("stage_gone", "the stage was given up", isRetriable: true)
            }
            return try engine.export(order)
        } completion: { [events] result in
            events.push(.exported(order: order.id, result))
        }
    }

    // MARK: Messages

    private func send(_ instruction: StageInstruction) {
        switch instruction {
        case .forward(let step, let endpoint):
            let body = StageForward(
                step: step.number, replica: step.replica, stage: step.stage, entries: step.parts,
                hidden: description.hidden)
            links.send(
                Outgoing(
                    .stageForward, epoch: step.epoch, body: body, tensors: [Frame(elements: outcome?.hidden ?? [])]),
                to: endpoint)
        case .sendKV(let sending, let export, let endpoint): sendKV(sending, export, to: endpoint)
        case .open(let opening, let endpoint):
            let body = SequenceOpen(
                route: opening.route, generatedTokens: opening.generatedTokens, sampling: opening.sampling,
                stop: opening.stop, reservedTokens: opening.reservedTokens, capacityTokens: opening.capacityTokens,
                prefillCapacityTokens: opening.prefillCapacityTokens,
                prefixCache: opening.reusesPrefixes ? true : nil, cacheSalt: opening.cacheSalt, prefix: opening.prefix,
                speculation: opening.speculates ? true : nil, constraint: opening.constraint,
                tokenCount: opening.tokens.count)
            links.send(
                Outgoing(
                    .sequenceOpen, request: opening.request, epoch: opening.epoch, body: body,
                    tensors: [Frame(elements: opening.tokens)]), to: endpoint)
        case .moveNext(let move, let endpoint):
            let body = SequenceMoveBody(
                route: move.route, reservedTokens: move.reservedTokens, capacityTokens: move.capacityTokens,
                positions: move.positions, prefixCache: move.reusesPrefixes ? true : nil)
            links.send(Outgoing(.sequenceMove, request: move.request, epoch: move.epoch, body: body), to: endpoint)
        case .held(let request, let tokens, let epoch, let endpoint):
            links.send(
                Outgoing(.sequenceHeld, request: request, epoch: epoch, body: SequenceHeld(tokens: tokens)),
                to: endpoint)
        case .closeNext(let request, let epoch, let keeping, let endpoint):
            let body = SequenceClose(keep: keeping.isEmpty ? nil : keeping)
            links.send(Outgoing(.sequenceClose, request: request, epoch: epoch, body: body), to: endpoint)
        case .dropNext(let blocks, let replica, let epoch, let endpoint):
            links.send(
                Outgoing(.prefixDrop, epoch: epoch, body: PrefixDrop(replica: replica, blocks: blocks)), to: endpoint)
        case .prefixFound(let request, let prefix, let epoch, let endpoint):
            links.send(
                Outgoing(.prefixFound, request: request, epoch: epoch, body: PrefixFound(prefix: prefix)), to: endpoint)
        case .prefixLost(let replica, let epoch, let endpoint):
            links.send(Outgoing(.prefixLost, epoch: epoch, body: PrefixLost(replica: replica)), to: endpoint)
        case .keep(let requests, let epoch, let endpoint):
            links.send(Outgoing(.sequenceKeep, epoch: epoch, body: SequenceKeep(requests: requests)), to: endpoint)
        case .stepDone(let replica, let step, let results, let epoch, let endpoint):
            links.send(
                Outgoing(
                    .stageDone, epoch: epoch, body: StageDone(step: step, replica: replica, tokens: results)),
                to: endpoint)
        case .kvComplete(let request, let layers, let epoch, let endpoint):
            links.send(
                Outgoing(.kvComplete, request: request, epoch: epoch, body: KVComplete(layers: layers)), to: endpoint)
        case .firstToken(let request, let token, let reason, let epoch, let endpoint):
            links.send(
                Outgoing(
                    .sequenceFirstToken, request: request, epoch: epoch,
                    body: FirstToken(token: token, finishReason: reason)), to: endpoint)
        case .emit(
            let request, let index, let tokens, let reason, let epoch, let cached, let guessed, let scores, let endpoint
        ):
            let tensors = scores.isEmpty ? nil : ScoreTensors(scores)
            links.send(
                Outgoing(
                    .tokensEmitted, request: request, epoch: epoch, seq: UInt64(max(0, index)), final: reason != nil,
                    body: TokensEmitted(
                        tokens: tokens, finishReason: reason, cachedTokens: cached, guessedTokens: guessed,
                        tensors: tensors?.descriptors), tensors: tensors?.frames ?? []),
                to: endpoint)
        case .emitPrompt(let request, let start, let scores, let epoch, let endpoint):
            let tensors = ScoreTensors(scores)
            links.send(
                Outgoing(
                    .promptScored, request: request, epoch: epoch,
                    body: PromptScored(start: start, tensors: tensors.descriptors), tensors: tensors.frames),
                to: endpoint)
        default: break
        }
    }

    private func sendKV(_ sending: KVSending, _ export: Int, to endpoint: String) {
        guard exports.indices.contains(export) else { return }
        let body = KVChunk(
            layers: sending.layers, start: sending.start, count: sending.count, total: sending.total,
            reservedTokens: sending.reservedTokens, firstStage: sending.firstStage, kvHeads: description.kvHeads,
            headDim: description.headDim, type: sending.type, replica: sending.replica,
            from: sending.from > 0 ? sending.from : nil)
        links.send(
            Outgoing(
                .kvChunk, request: sending.request, epoch: sending.epoch, body: body,
                tensors: [Frame(elements: exports[export])]), to: endpoint)
    }
}
