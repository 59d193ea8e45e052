import Domain

@testable import Scheduling

/// Cores of workers that exchange messages as instructions, on a manual clock. Computing takes a step of its own: what the
/// compute threads have is done when a test says so. Tokens are made from the request and the position, so that a sequence
/// that is continued anywhere must give the same ones.
struct StageWorld {
    static let model = Sample.model
    static let gateway = "tcp://gateway"
    static let block = 32

    struct Ordered {
        var key: WorkerKey
        var order: StepOrder
    }

    var cores: [WorkerKey: StageCore] = [:]
    var now = 100.0
    /// Steps on the compute threads, in order.
    var computing: [Ordered] = []
    /// Reading of KV cache on the compute threads, in order.
    var exporting: [(key: WorkerKey, order: ExportOrder)] = []
    /// Sequences whose KV cache was read for another replica.
    var moved: Set<RequestID> = []
    /// What the sequences must follow that workers were told to sample.
    var sampledBy: [WorkerKey: [SamplingConstraint?]] = [:]
    /// Loads on the compute threads.
    var loading: [(key: WorkerKey, slot: Int, kvBytes: Int)] = []
    /// Whether loads end at once.
    var loadsAtOnce = true
    /// Messages under way, in order per pair; lost where the test drops them.
    var network: [(from: WorkerKey, to: WorkerKey, event: StageEvent)] = []
    /// KV positions that a slot holds, as the engine would.
    var lengths: [String: [RequestID: Int]] = [:]
    /// Blocks of KV cache that a slot holds, as the engine would, and tokens for which it has room.
    var blocks: [String: [RequestID: Int]] = [:]
    var capacities: [String: Int] = [:]
    /// The same with texts and shared blocks.
    var caches: [String: EngineCache] = [:]
    /// Tokens of prompts that were not computed, by request.
    var cached: [RequestID: Int] = [:]
    /// Sequences of which more was found when their turn came, where later stages are told.
    var found: Set<RequestID> = []
    /// Positions that decoder stages were sent, one count a stage, by request.
    var handedOver: [RequestID: Int] = [:]
    /// Whether answers on what decoder replicas hold are lost.
    var losesAnswers = false
    /// Tokens that were guessed, and those that were right.
    var guesses = 0
    var rightGuesses = 0
    /// Rows of the last step that were guesses, by slot and sequence.
    private var wrongRows: [String: [RequestID: Int]] = [:]
    /// Sequences that should have begun with blocks that were not there.
    var missing: [RequestID] = []
    /// Texts that were taken for others.
    var mistaken: [String] = []
    /// Where more was taken or written than there is.
    var overruns: [String] = []
    /// What the gateway got.
    var tokens: [RequestID: [Int: Int32]] = [:]
    var finished: [RequestID: FinishReason] = [:]
    var reports: [(key: WorkerKey, report: RequestReport)] = []
    var answers: [StageTicket: Result<Int, Fault>] = [:]
    var released: Set<StageTicket> = []
    var refusals: [Fault] = []
    var freed: [(WorkerKey, Int)] = []
    /// Layers whose weights are kept.
    var kept: LayerRange?
    /// Bytes that wait, by endpoint.
    var waiting: WaitingBytes = WaitingBytes()
    private var ticket: StageTicket = 0

    /// What waits for peers, shared with the cores.
    final class WaitingBytes: @unchecked Sendable {
        // Tests use it from one thread only.
        var bytes: [String: Int] = [:]
    }

    init(_ keys: [WorkerKey], memory: Int = 1 << 20) {
        for key in keys {
            var core = StageCore(
                StageLimits(
                    device: key.device, kind: key.kind, model: Self.model, memoryUsableBytes: memory,
                    maxBatchedTokens: 64, leaseSeconds: 90, kvBlockTokens: Self.block))
            let waiting = waiting
            core.waitingBytes = { waiting.bytes[$0] ?? 0 }
            cores[key] = core
        }
    }

    static func endpoint(_ key: WorkerKey) -> String { "\(key)" }

    static func key(_ endpoint: String) -> WorkerKey? {
        let parts = endpoint.split(separator: "/")
        guard parts.count == 2, let kind = WorkerKind(rawValue: String(parts[1])) else { return nil }
        return WorkerKey(DeviceID(String(parts[0])), kind)
    }

    /// The token at a position of a request's text, whoever computes it. Requests of a group ("name@group") have the
    /// same text, those of a group that is called loop a text that mostly repeats itself.
    static func token(_ request: RequestID, position: Int) -> Int32 {
        let name = request.rawValue.split(separator: "~")[0].split(separator: "@").last ?? ""
        if name.hasPrefix("loop"), position % 29 < 24 { return Int32(position % 6 + name.utf8.count) }
        return Int32((name.utf8.reduce(7) { ($0 &* 31 &+ Int($1)) % 9973 } + position * 13) % 97)
    }

    // MARK: Acting

    mutating func send(_ event: StageEvent, to key: WorkerKey) {
        guard var core = cores[key] else { return }
        let instructions = core.handle(event, at: now)
        cores[key] = core
        for instruction in instructions { perform(instruction, key) }
    }

    /// Has all workers of a replica load it; returns the tickets.
    @discardableResult
    mutating func form(_ replica: ReplicaID, of plan: PlacementPlan, epoch: Epoch) -> [StageTicket] {
        guard let found = plan.replicas.first(where: { $0.id == replica }) else { return [] }
        return found.stages.indices.map { index in
            ticket += 1
            let key = WorkerKey(found.stages[index].device, found.role.workerKind)
            send(
                .prepare(
                    StageAssignment(plan: plan, replica: replica, stage: index), epoch: epoch, ticket: ticket),
                to: key)
            return ticket
        }
    }

    mutating func release(_ replica: ReplicaID, epoch: Epoch, keeping: LayerRange? = nil, on key: WorkerKey) {
        ticket += 1
        send(.release(replica, epoch: epoch, keeping: keeping, ticket: ticket), to: key)
    }

    func route(_ plan: PlacementPlan, prefill: ReplicaID?, decode: ReplicaID) -> Route {
        func stages(_ id: ReplicaID) -> [RouteStage] {
            guard let replica = plan.replicas.first(where: { $0.id == id }) else { return [] }
            return replica.stages.map {
                RouteStage(
                    device: $0.device, endpoint: Self.endpoint(WorkerKey($0.device, replica.role.workerKind)),
                    layers: $0.layers)
            }
        }
        return Route(
            prefillReplica: prefill, prefill: prefill.map(stages) ?? [], decodeReplica: decode,
            decode: stages(decode), gateway: Self.gateway)
    }

    mutating func start(
        _ request: RequestID, _ route: Route, epoch: Epoch, prompt: Int = 40, output: Int = 6, generated: Int = 0,
        reserved: Int? = nil, capacity: Int? = nil, prefillCapacity: Int? = nil, reuses: Bool = false,
        salt: String? = nil, guesses: Bool = false, constraint: SamplingConstraint? = nil
    ) {
        let total = prompt + generated
        var opening = SequenceOpening(
            request: request, epoch: epoch, route: route,
            tokens: (0..<total).map { Self.token(request, position: $0) }, generatedTokens: generated,
            sampling: SamplingParameters(), stop: StopConditions(maxTokens: output),
            reservedTokens: reserved ?? prompt + output + 1, capacityTokens: capacity,
            prefillCapacityTokens: prefillCapacity, reusesPrefixes: reuses, cacheSalt: salt)
        opening.speculates = guesses
        opening.constraint = constraint
        let isPrefill = !route.prefill.isEmpty
        let first = WorkerKey((isPrefill ? route.prefill : route.decode)[0].device, isPrefill ? .prefill : .decode)
        send(.start(opening), to: first)
    }

    /// Reads the KV cache that a compute thread is to read next.
    mutating func exportNext() {
        guard !exporting.isEmpty else { return }
        let (key, order) = exporting.removeFirst()
        guard let held = lengths["\(key)#\(order.slot)"]?[order.request],
            let stage = cores[key]?.stagePlace(order.slot),
            held >= order.positions.upperBound
        else {
            return send(
                .exportFailed(order: order.id, Fault("stage_gone", "gone", isRetriable: true)), to: key)
        }
        moved.insert(order.request)
        send(
            .exported(
                order: order.id,
                order.consumers.compactMap { consumer in
                    consumer.layers.intersection(stage.layers).map {
                        StepOutcome.Export(
                            request: order.request, layers: $0, start: order.positions.lowerBound,
                            count: order.positions.count, endpoint: consumer.endpoint, bytes: 100)
                    }
                }), to: key)
    }

    /// Delivers messages and computes until nothing is left to do; `most` bounds it.
    mutating func run(_ most: Int = 10_000) {
        for _ in 0..<most {
            if !network.isEmpty {
                let message = network.removeFirst()
                send(message.event, to: message.to)
            } else if !exporting.isEmpty {
                exportNext()
            } else if !computing.isEmpty {
                computeNext()
            } else {
                return
            }
        }
    }

    /// Computes the next step of a worker's thread.
    mutating func computeNext() {
        guard !computing.isEmpty else { return }
        let next = computing.removeFirst()
        compute(next)
    }

    // MARK: Workers

    private mutating func perform(_ instruction: StageInstruction, _ key: WorkerKey) {
        func post(_ endpoint: String, _ event: StageEvent) {
            if let to = Self.key(endpoint) { network.append((key, to, event)) }
        }
        switch instruction {
        case .freeKept: kept = nil
        case .load(let slot, _, _, let kvBytes):
            kept = nil
            if loadsAtOnce { endLoad(key, slot, kvBytes) } else { loading.append((key, slot, kvBytes)) }
        case .free(let slot, let keeping):
            freed.append((key, slot))
            kept = keeping
            lengths["\(key)#\(slot)"] = nil
            caches["\(key)#\(slot)"] = nil
        case .reserve(let request, let slot, let tokens, let prefix):
            let name = "\(key)#\(slot)"
            guard reserve(request, name, tokens, prefix, key, slot) else { return }
            lengths[name, default: [:]][request] = caches[name]?.length(of: request)
            blocks[name, default: [:]][request] = (tokens + Self.block - 1) / Self.block
            let all = blocks[name]?.values.reduce(0, +) ?? 0
            if let most = capacities[name], all > most / Self.block {
                overruns.append("\(name): \(all) blocks of \(most) tokens")
            }
        case .dropBlocks(let blocks, let slot): caches["\(key)#\(slot)"]?.drop(blocks.names())
        case .dropAllBlocks(let slot):
            let name = "\(key)#\(slot)"
            let names = caches[name]?.blocks.keys.sorted() ?? []
            caches[name]?.drop(names)
        case .dropNext(let blocks, let replica, let epoch, let endpoint):
            post(endpoint, .dropped(blocks, replica: replica, epoch: epoch))
        case .prefixFound(let request, let prefix, _, let endpoint):
            found.insert(request)
            post(endpoint, .prefixFound(request, prefix))
        case .prefixLost(let replica, let epoch, let endpoint):
            post(endpoint, .prefixLost(replica: replica, epoch: epoch))
        case .close(let request, let slot, let keeping):
            caches["\(key)#\(slot)"]?.close(request, keeping: keeping.names())
            lengths["\(key)#\(slot)"]?[request] = nil
            blocks["\(key)#\(slot)"]?[request] = nil
        case .importKV(let request, let slot, let layers, let positions):
            // All layers of a stage come in order; the last ones complete the positions.
            if layers.end == cores[key]?.stageLayers(slot)?.end {
                let tokens = positions.map { Self.token(request, position: $0) }
                caches["\(key)#\(slot)"]?.write(request, tokens, at: positions.lowerBound)
                lengths["\(key)#\(slot)"]?[request] = caches["\(key)#\(slot)"]?.length(of: request)
                handedOver[request, default: 0] += positions.count
            }
        case .held(let request, let tokens, _, let endpoint):
            if losesAnswers, key.kind == .decode { break }
            post(endpoint, .held(request, tokens: tokens))
        case .step(let order): computing.append(Ordered(key: key, order: order))
        case .export(let order): exporting.append((key, order))
        case .moveNext(let move, let endpoint): post(endpoint, .moved(move))
        case .forward(let step, let endpoint): post(endpoint, .forwarded(step))
        case .sendKV(let sending, _, let endpoint):
            post(
                endpoint,
                .kvArrived(
                    ArrivedKV(
                        request: sending.request, replica: sending.replica, epoch: sending.epoch,
                        layers: sending.layers, start: sending.start, count: sending.count, total: sending.total,
                        from: sending.from, reservedTokens: sending.reservedTokens, bytes: 100, type: sending.type,
                        firstStage: sending.firstStage)))
        case .open(let opening, let endpoint): post(endpoint, .opened(opening))
        case .closeNext(let request, _, let keeping, let endpoint): post(endpoint, .closed(request, keeping: keeping))
        case .keep(let requests, _, let endpoint): post(endpoint, .kept(requests))
        case .stepDone(let replica, let step, let results, let epoch, let endpoint):
            post(endpoint, .stepDone(replica: replica, step: step, results, epoch: epoch))
        case .kvComplete(let request, let layers, _, let endpoint): post(endpoint, .kvComplete(request, layers: layers))
        case .firstToken(let request, let token, let reason, _, let endpoint):
            post(endpoint, .firstToken(request, token: token, reason))
        case .emit(let request, let index, let given, let reason, _, let cached, let guessed, _, _):
            if let cached { self.cached[request] = cached }
            for (offset, token) in given.enumerated() { tokens[request, default: [:]][index + offset] = token }
            if let guessed {
                guesses += guessed
                rightGuesses += given.count - 1
            }
            if let reason { finished[request] = reason }
        case .emitPrompt: break
        case .report(let report, _): reports.append((key, report))
        case .prepared(let ticket, let capacity, _, _, _): answers[ticket] = .success(capacity)
        case .refuse(let ticket, let refusal): answers[ticket] = .failure(refusal)
        case .released(let ticket): released.insert(ticket)
        case .refuseMessage(let refusal): refusals.append(refusal)
        case .sample(let opening, _): sampledBy[key, default: []].append(opening.constraint)
        case .hold, .drop, .note: break
        }
    }

    mutating func endLoad(_ key: WorkerKey, _ slot: Int, _ kvBytes: Int) {
        let perToken = max(1, Self.model.kvBytes(cores[key]?.stageLayers(slot) ?? LayerRange(0, 8), tokens: 1))
        lengths["\(key)#\(slot)"] = [:]
        blocks["\(key)#\(slot)"] = [:]
        capacities["\(key)#\(slot)"] = kvBytes / perToken
        caches["\(key)#\(slot)"] = EngineCache(capacity: kvBytes / perToken / Self.block)
        send(.loaded(slot: slot, kvCapacityTokens: kvBytes / perToken, weightBytes: 4000), to: key)
    }

    /// What the engine does about memory; `false` where a block is missing.
    private mutating func reserve(
        _ request: RequestID, _ name: String, _ tokens: Int, _ prefix: SequencePrefix?, _ key: WorkerKey, _ slot: Int
    ) -> Bool {
        let count = (tokens + Self.block - 1) / Self.block
        switch caches[name]?.reserve(request, blocks: count, prefix: prefix) {
        case true?: break
        case false?:
            missing.append(request)
            send(
                .sequenceFailed(request, slot: slot, Fault(Fault.prefixMissingCode, "missing", isRetriable: true)),
                to: key)
            return false
        case nil: overruns.append("\(name): no block for \(request)")
        }
        // What is there must have been computed for this very text.
        if let text = caches[name]?.sequences[request]?.text, let prefix, !prefix.blocks.isEmpty {
            let count = prefix.blocks.reduce(0) { $0 + $1.count } * Self.block
            let wanted = (0..<count).map { Self.token(request, position: $0) }
            if Array(text.prefix(count)) != wanted { mistaken.append("\(name): \(request)") }
        }
        return true
    }

    private mutating func compute(_ ordered: Ordered) {
        let (key, order) = (ordered.key, ordered.order)
        let name = "\(key)#\(order.slot)"
        guard let held = lengths[name], let stage = cores[key]?.stagePlace(order.slot) else {
            return send(
                .computeFailed(order: order.id, Fault("stage_gone", "gone", isRetriable: true)), to: key)
        }
        var outcome = StepOutcome(parts: [])
        for part in order.parts {
            let start = part.part.start
            let request = part.part.request
            let wrong = wrongRows[name]?.removeValue(forKey: request) ?? 0
            let length = held[request] ?? -1
            guard length == start || part.part.inputToken != nil && (length - wrong...length).contains(start) else {
                outcome.failed[part.part.request] = Fault("out_of_step", "out of step", isRetriable: true)
                continue
            }
            let end = part.part.start + part.part.count
            let before = (0..<part.part.start).map { Self.token(part.part.request, position: $0) }
            if let text = caches[name]?.sequences[part.part.request]?.text, Array(text.prefix(before.count)) != before {
                mistaken.append("\(name): \(part.part.request) has another text before position \(before.count)")
            }
            lengths[name]?[part.part.request] = end
            let guesses = part.part.guesses ?? []
            var text = (start..<end - guesses.count).map { Self.token(request, position: $0) }
            text += guesses
            if let token = part.part.inputToken, token != text[0] { mistaken.append("\(name): \(request) at \(start)") }
            caches[name]?.write(request, text, at: start)
            wrongRows[name, default: [:]][request] = guesses.count
            if let held = blocks[name]?[part.part.request], end > held * Self.block {
                overruns.append("\(name): \(part.part.request) writes position \(end - 1) into \(held) blocks")
            }
            outcome.parts.append(part.part)
            for consumer in part.consumers where part.from < end {
                guard let layers = consumer.layers.intersection(stage.layers) else { continue }
                let start = max(part.part.start, part.from)
                outcome.exports.append(
                    StepOutcome.Export(
                        request: part.part.request, layers: layers, start: start, count: end - start,
                        endpoint: consumer.endpoint, bytes: 100))
            }
            guard stage.isLast, part.part.sample, let opening = cores[key]?.opening(part.part.request) else { continue }
            let prompt = opening.tokens.count - opening.generatedTokens
            for offset in 0...guesses.count {
                let position = end - guesses.count + offset
                let index = position - prompt
                let isLast = index + 1 >= opening.stop.maxTokens
                let token = Self.token(request, position: position)
                outcome.sampled.append(
                    StepOutcome.Sampled(
                        result: StepResult(request: request, token: token, finishReason: isLast ? .length : nil),
                        index: index))
                guard !isLast, offset < guesses.count, guesses[offset] == token else { break }
            }
        }
        outcome.seconds = 0.01
        send(.computed(order: order.id, outcome), to: key)
    }
}

extension StageCore {
    /// The layers of a slot.
    func stageLayers(_ slot: Int) -> LayerRange? { stages[slot]?.layers }
    /// The layers of a slot, and whether it is the last stage of its replica.
    func stagePlace(_ slot: Int) -> (layers: LayerRange, isLast: Bool)? {
        stages[slot].map { ($0.layers, $0.isLast) }
    }
    /// How a sequence was opened here.
    func opening(_ request: RequestID) -> SequenceOpening? {
        ordered.lazy.compactMap { $0.sequences[request]?.opening }.first
    }
}
