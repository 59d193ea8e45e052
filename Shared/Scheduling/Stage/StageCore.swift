public import Domain

/// The decisions of one worker process: which stages it holds, which sequences are open on them, when they compute, what
/// goes where. Events in, instructions out; it sees no socket, no clock, no weights and no tensors.
///
/// A worker may hold several stages at a time, each of another replica: while a plan changes, the stage of the replica that
/// leaves serves on beside the one that comes. The stages of one process share its compute thread, step by step in turn.
///
/// ```
/// stage:     loading -> serving -> (freed)
/// sequence:  KV arrives -> open -> closed          (decoder replicas; either may come first)
///            open -> driven by the first stage -> closed
///                                              -> leaving -> (freed)  (its KV cache goes to another replica)
/// ```
///
/// Every replica has the epoch in which it was formed; a stage takes no message of an older one. A replica that is formed anew
/// (one of its workers restarted) keeps the weights that are there and forgets its sequences.
public struct StageCore: Sendable {
    let limits: StageLimits
    /// Stages by slot, which names them on the compute thread.
    var stages: [Int: HeldStage] = [:]
    /// The stage on which a sequence has memory.
    var slots: [RequestID: Int] = [:]
    var closed = RecentlyClosed()
    /// The largest epoch heard of.
    public internal(set) var epoch: Epoch = 0
    /// Bytes that wait for a peer, as last told.
    public var waitingBytes: @Sendable (String) -> Int = { _ in 0 }
    /// Steps that the compute thread has.
    var stepsAhead = 0
    var lastOrder: UInt64 = 0
    var lastSlot = 0
    /// The last name that was given to a block of KV cache.
    var lastBlockName: UInt64 = 0
    /// The slot that computed last: the others have their turn first.
    var lastTurn = 0
    /// Since when weights of a freed stage are kept for the next one.
    var keptWeightsSince: Double?
    var instructions: [StageInstruction] = []
    /// When the event at hand happened.
    var now = 0.0

    /// How long the next stage that shares layers with a freed one is waited for.
    static let keepWeightsSeconds = 30.0

    /// Makes the core of a worker that holds nothing.
    public init(_ limits: StageLimits) { self.limits = limits }

    /// Takes an event that happened at `now`, seconds of a clock that only grows, and says what must be done, in this order.
    public mutating func handle(_ event: StageEvent, at now: Double) -> [StageInstruction] {
        instructions = []
        self.now = now
        do throws(Fault) {
            try take(event, at: now)
        } catch {
            emit(.refuseMessage(error))
        }
        pump()
        defer { instructions = [] }
        return instructions
    }

    private mutating func take(_ event: StageEvent, at now: Double) throws(Fault) {
        switch event {
        case .prepare(let assignment, let epoch, let ticket): prepare(assignment, epoch, ticket, at: now)
        case .release(let replica, let epoch, let keeping, let ticket):
            release(replica, epoch, keeping: keeping, ticket, at: now)
        case .start(let opening): start(opening, at: now)
        case .cancel(let request): cancel(request)
        case .move(let move): self.move(move)
        case .loaded(let slot, let capacity, let bytes): loaded(slot, capacity, bytes)
        case .loadFailed(let slot, let refusal): loadFailed(slot, refusal)
        case .computed(let order, let outcome): computed(order, outcome)
        case .computeFailed(let order, let refusal): computeFailed(order, refusal)
        case .exported(let order, let exports): exported(order, exports)
        case .exportFailed(let order, let refusal): exportFailed(order, refusal)
        case .sequenceFailed(let request, let slot, let refusal):
            if slots[request] == slot { fail(request, refusal) }
        case .opened(let opening): try open(opening, at: now)
        case .closed(let request, let keeping):
            closeHere(request, tellNext: true, keeping: keeping)
            closeLeaving(request, tellNext: true)
        case .dropped(let blocks, let replica, let epoch): try dropped(blocks, replica, epoch)
        case .prefixLost(let replica, let epoch):
            if let stage = try stage(of: replica, epoch: epoch), stage.isFirst { forgetPrefixes(stage.slot) }
        case .prefixFound(let request, let prefix): prefixFound(request, prefix)
        case .held(let request, let tokens): held(request, tokens)
        case .moved(let move): try moved(move)
        case .kept(let requests): kept(requests, at: now)
        case .forwarded(let step): try forwarded(step)
        case .stepDone(let replica, let step, let results, let epoch):
            guard let stage = try stage(of: replica, epoch: epoch), stage.isFirst else { return }
            finished(step, results, slot: stage.slot)
        case .kvArrived(let chunk): try arrived(chunk, at: now)
        case .kvComplete(let request, let layers):
            guard let stage = firstStage(of: request),
                let index = stage.replica.stages.firstIndex(where: { $0.layers == layers })
            else { return noteEarly(request, layers: layers) }
            drive(stage.slot) { $0.kvComplete(request, stage: index) }
        case .firstToken(let request, let token, let reason):
            guard let slot = firstStage(of: request)?.slot else { return noteEarly(request, token: token, reason) }
            stages[slot]?.sequences[request]?.generated += 1
            drive(slot) { $0.firstToken(request, token: token, finishReason: reason) }
        case .peerLost(let endpoint, let requests): lose(endpoint, dropped: requests)
        case .drained: break
        case .tick:
            renewLeases(at: now)
            settleHandovers(at: now)
            giveUpSteps()
            if let since = keptWeightsSince, now - since > Self.keepWeightsSeconds { freeKeptWeights() }
        }
    }

    mutating func emit(_ instruction: StageInstruction) { instructions.append(instruction) }

    // MARK: Stages

    /// The stage that serves a replica; `nil` where this worker has none of it.
    ///
    /// - Throws: where the sender knows an older replica of that name only.
    func stage(of replica: ReplicaID, epoch: Epoch) throws(Fault) -> HeldStage? {
        guard let stage = stages.values.first(where: { $0.replica.id == replica }) else { return nil }
        guard epoch >= stage.formed else {
            throw Fault(
                "stale_epoch", "epoch \(epoch) is older than replica \(replica), formed in \(stage.formed)",
                isRetriable: true)
        }
        return stage
    }

    /// The stage that serves a replica.
    func servingStage(of replica: ReplicaID, epoch: Epoch) throws(Fault) -> HeldStage {
        guard let stage = try stage(of: replica, epoch: epoch), stage.isServing else {
            throw Fault("no_stage", "this worker serves no stage of replica \(replica)", isRetriable: true)
        }
        return stage
    }

    func stage(holding request: RequestID) -> HeldStage? { slots[request].flatMap { stages[$0] } }

    /// The stage that drives a sequence. Until its opening has come here a later stage of the replica that it leaves may have it.
    private func firstStage(of request: RequestID) -> HeldStage? {
        stage(holding: request).flatMap { $0.isFirst && $0.sequences[request]?.opening != nil ? $0 : nil }
    }

    /// Stages in order of their slots.
    var ordered: [HeldStage] { stages.values.sorted { $0.slot < $1.slot } }

    // MARK: Looking

    /// Whether any sequence has memory here.
    public var hasSequences: Bool { !slots.isEmpty || stages.values.contains { !$0.leaving.isEmpty } }

    /// What the heartbeats of this worker tell.
    public var summary: StageSummary {
        var summary = StageSummary()
        summary.epoch = epoch
        for stage in ordered {
            summary.load.counters += stage.counters
            guard stage.isServing else { continue }
            summary.stages.append(
                ServedStage(
                    assignment: stage.assignment, formed: stage.formed,
                    kvCapacityTokens: stage.kvBlocks * limits.kvBlockTokens, weightBytes: stage.weightBytes))
            for held in stage.sequences.values {
                summary.load.kvUsedTokens += held.reservedTokens
                guard let opening = held.opening, opening.capacityTokens != nil, !stage.isPrefill else { continue }
                let grown = held.reservedTokens - opening.reservedTokens
                if grown > 0 { summary.load.kvGrownTokens = (summary.load.kvGrownTokens ?? 0) + grown }
            }
            summary.load.waiting += stage.isFirst ? stage.driver.waitingCount : 0
            summary.load.running += stage.isFirst ? stage.driver.runningCount : stage.sequences.count
            guard stage.isFirst else { continue }
            for (request, held) in stage.sequences.sorted(by: { $0.key < $1.key }) {
                guard let opening = held.opening else { continue }
                summary.held.append(
                    HeldRequest(
                        request: request, reservedTokens: held.reservedTokens, gatewayEndpoint: opening.route.gateway,
                        replica: stage.replica.id))
            }
        }
        return summary
    }
}

/// The part of a worker's state that its heartbeats and hellos tell.
public struct StageSummary: Sendable {
    /// The largest epoch heard of.
    public var epoch: Epoch = 0
    /// Stages that are served.
    public var stages: [ServedStage] = []
    /// What they do; who knows the process adds its resident memory.
    public var load = WorkerLoad()
    /// Requests that it drives as the first stage of a replica.
    public var held: [HeldRequest] = []

    /// A worker that holds nothing.
    public init() {}
}
