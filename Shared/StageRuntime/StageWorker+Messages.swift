import Domain
import Inference
import Logging
import Messaging
import Protocol
import Scheduling
import ServiceRuntime

/// From messages to events of the core: shapes of tensors are checked here, everything else there.
extension StageWorker {
    /// A message of the scheduler.
    func controlEvent(_ message: WireMessage) throws -> StageEvent? {
        switch message.type {
        case .stagePrepare:
            let body: StagePrepare = try message.body()
            return .prepare(body.assignment, epoch: message.envelope.epoch ?? 0, ticket: ticket(message))
        case .stageRelease:
            let body: StageRelease = try message.body()
            return .release(
                body.replica, epoch: message.envelope.epoch ?? 0, keeping: body.keepLayers, ticket: ticket(message))
        case .requestStart: return .start(try opening(message))
        case .requestMove: return .move(try move(message))
        case .requestCancel: return message.envelope.request.map { .cancel($0) }
        case .error:
            logger.debug("the scheduler reports: \(message.reportedError?.message ?? "an error")")
            return nil
        default: throw ProtocolError(.unknownType, "a worker does not know \(message.type)")
        }
    }

    /// A message of another stage.
    func dataEvent(_ message: WireMessage) throws -> StageEvent? {
        let epoch = message.envelope.epoch ?? 0
        let request = message.envelope.request
        switch message.type {
        case .sequenceOpen: return .opened(try opening(message))
        case .sequenceClose:
            let body: SequenceClose = try message.body()
            return request.map { .closed($0, keeping: body.keep ?? []) }
        case .prefixDrop:
            let body: PrefixDrop = try message.body()
            return .dropped(body.blocks, replica: body.replica, epoch: epoch)
        case .prefixFound:
            let body: PrefixFound = try message.body()
            return request.map { .prefixFound($0, body.prefix) }
        case .prefixLost:
            let body: PrefixLost = try message.body()
            return .prefixLost(replica: body.replica, epoch: epoch)
        case .sequenceHeld:
            let body: SequenceHeld = try message.body()
            return request.map { .held($0, tokens: body.tokens) }
        case .sequenceMove: return .moved(try move(message))
        case .sequenceKeep:
            let body: SequenceKeep = try message.body()
            return .kept(body.requests)
        case .stageForward: return .forwarded(try forwarded(message, epoch))
        case .stageDone:
            let body: StageDone = try message.body()
            return .stepDone(replica: body.replica, step: body.step, body.tokens, epoch: epoch)
        case .kvChunk: return try arrivedKV(message, epoch)
        case .kvComplete:
            let body: KVComplete = try message.body()
            return request.map { .kvComplete($0, layers: body.layers) }
        case .sequenceFirstToken:
            let body: FirstToken = try message.body()
            return request.map { .firstToken($0, token: body.token, body.finishReason) }
        case .error:
            logger.debug("a peer reports: \(message.reportedError?.message ?? "an error")")
            return nil
        default: throw ProtocolError(.unknownType, "a worker's data socket does not know \(message.type)")
        }
    }

    private func ticket(_ message: WireMessage) -> StageTicket {
        lastTicket += 1
        tickets[lastTicket] = message
        return lastTicket
    }

    private func opening(_ message: WireMessage) throws -> SequenceOpening {
        let body: SequenceOpen = try message.body()
        guard let request = message.envelope.request, !request.rawValue.isEmpty else {
            throw ProtocolError(.malformed, "\(message.type): the envelope names no request")
        }
        if let problem = body.sampling.problem { throw ProtocolError(.malformed, "\(message.type): \(problem)") }
        var opening = SequenceOpening(
            request: request, epoch: message.envelope.epoch ?? 0, route: body.route,
            tokens: try message.tokens("tokens"), generatedTokens: body.generatedTokens, sampling: body.sampling,
            stop: body.stop, reservedTokens: body.reservedTokens, capacityTokens: body.capacityTokens,
            prefillCapacityTokens: body.prefillCapacityTokens, reusesPrefixes: body.prefixCache ?? false,
            cacheSalt: body.cacheSalt, prefix: body.prefix)
        opening.speculates = body.speculation ?? false
        if let constraint = body.constraint {
            guard constraint.text.utf8.count <= SamplingConstraint.maximumBytes else {
                throw Fault.constraintFailed("a constraint of more than \(SamplingConstraint.maximumBytes) bytes")
            }
            opening.constraint = constraint
        }
        return opening
    }

    private func move(_ message: WireMessage) throws -> SequenceMove {
        let body: SequenceMoveBody = try message.body()
        guard let request = message.envelope.request, !request.rawValue.isEmpty else {
            throw ProtocolError(.malformed, "\(message.type): the envelope names no request")
        }
        return SequenceMove(
            request: request, epoch: message.envelope.epoch ?? 0, route: body.route,
            reservedTokens: body.reservedTokens, capacityTokens: body.capacityTokens, positions: body.positions ?? 0,
            reusesPrefixes: body.prefixCache ?? false)
    }

    private static let mostGuesses = 64

    private func forwarded(_ message: WireMessage, _ epoch: Epoch) throws -> ForwardedStep {
        let body: StageForward = try message.body()
        guard body.entries.allSatisfy({ $0.count > 0 && $0.count <= 1 << 16 && $0.start >= 0 }) else {
            throw ProtocolError(.malformed, "stage.forward: a part has no rows or too many")
        }
        for part in body.entries {
            guard let guesses = part.guesses else { continue }
            // Every guess has a row of logits: what nobody guesses is not allocated for either.
            guard part.inputToken != nil, part.sample, part.count == 1 + guesses.count,
                guesses.count <= Self.mostGuesses
            else {
                throw ProtocolError(
                    .malformed, "stage.forward: \(guesses.count) guesses for \(part.count) rows of \(part.request)")
            }
        }
        let rows = body.entries.reduce(0) { $0 + $1.count }
        let (shape, _) = try message.tensor("hidden", .f32, dimensions: 2)
        guard shape == [rows, description.hidden] else {
            throw ProtocolError(.badTensor, "stage.forward: tensor hidden has the shape \(shape) for \(rows) rows")
        }
        return ForwardedStep(
            replica: body.replica, stage: body.stage, epoch: epoch, number: body.step, parts: body.entries)
    }

    private func arrivedKV(_ message: WireMessage, _ epoch: Epoch) throws -> StageEvent? {
        let body: KVChunk = try message.body()
        guard let request = message.envelope.request else { return nil }
        let (type, shape, frame) = try kv(message, body)
        guard shape == [body.layers.count, 2, description.kvHeads, body.count, description.headDim] else {
            throw ProtocolError(.badTensor, "kv.chunk: tensor kv has the shape \(shape)")
        }
        return .kvArrived(
            ArrivedKV(
                request: request, replica: body.replica, epoch: epoch, layers: body.layers, start: body.start,
                count: body.count, total: body.total, from: body.from ?? 0, reservedTokens: body.reservedTokens,
                bytes: frame.count, type: type, firstStage: body.firstStage))
    }

    private func kv(_ message: WireMessage, _ body: KVChunk) throws -> (type: KVType, shape: [Int], frame: Frame) {
        guard let type = body.tensors.first?.dtype.kvType else {
            throw ProtocolError(.badTensor, "kv.chunk: tensor kv is neither f16 nor q8_0")
        }
        let (shape, frame) = try message.tensor("kv", ElementType(type), dimensions: 5)
        return (type, shape, frame)
    }

    /// Writes the KV cache of the message at hand.
    func importKV(_ request: RequestID, slot: Int, layers: LayerRange, positions: Range<Int>) {
        guard let message, let body = try? message.body(as: KVChunk.self),
            let (type, _, frame) = try? kv(message, body)
        else { return }
        compute.enqueue { local in
            try local.engines[slot]?.executor.cache.importKV(
                request, layers: layers, positions: positions, bytes: frame.bytes, type: type)
        } completion: { [events] result in
            if case .failure(let error) = result {
                events.push(.core(.sequenceFailed(request, slot: slot, Fault(error))))
            }
        }
    }
}

extension Fault {
    /// Any error as a worker tells it.
    init(_ error: any Error) {
        switch error {
        case let error as Fault: self = error
        case let error as ProtocolError: self = error.fault
        case let error as InferenceError:
            if error.code == .prefixMissing {
                self.init(Self.prefixMissingCode, error.message, isRetriable: true)
            } else {
                self.init("\(error.code)", error.message, isRetriable: error.code == .outOfMemory)
            }
        case let error as RuntimeError:
            self = error.reported ?? Fault(error.code.rawValue, error.message)
        default: self.init("internal", "\(error)", isRetriable: true)
        }
    }
}
