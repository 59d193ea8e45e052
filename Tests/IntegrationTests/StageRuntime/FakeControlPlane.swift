import Domain
import Logging
import Messaging
import Protocol
import ServiceRuntime
import StageRuntime
import Synchronization
import TestSupport

/// Stands in for profiler, scheduler and gateway around real workers: puts a plan in force, starts requests, collects
/// tokens and events.
final class FakeControlPlane: Sendable {
    struct Key: Hashable {
        var device: DeviceID
        var kind: WorkerKind
    }

    struct Output: Sendable {
        var tokens: [UInt64: Int32] = [:]
        var finish: FinishReason?
        var events: [RequestEvent] = []
        /// Tokens that were in the KV cache already, where somebody looked.
        var cached: Int?
        /// Tokens that were guessed, and those that were right.
        var guessed = 0
        var accepted = 0
        /// How likely tokens were, by their index and by their position in the prompt.
        var scores: [Int: TokenLikelihood] = [:]
        var promptScores: [Int: TokenLikelihood] = [:]

        /// The tokens in order; shorter where one is missing.
        var text: [Int32] {
            var result: [Int32] = []
            while let token = tokens[UInt64(result.count)] { result.append(token) }
            return result
        }
    }

    struct State {
        var peers: [Key: PeerIdentity] = [:]
        var endpoints: [Key: String] = [:]
        var hellos: [Key: WorkerHello] = [:]
        var registered: [Key: RegisterDevice] = [:]
        var heartbeats: [Key: WorkerHeartbeat] = [:]
        var registryPeers: [Key: PeerIdentity] = [:]
        var outputs: [RequestID: Output] = [:]
        var servers: [ServerSocket] = []
        var epoch: Epoch = 0
    }

    let context: MessagingContext
    let state = Mutex(State())

    init() throws { context = try MessagingContext() }

    var control: ServerSocket { state.withLock { $0.servers[0] } }
    var registry: ServerSocket { state.withLock { $0.servers[1] } }
    var tokens: ServerSocket { state.withLock { $0.servers[2] } }

    /// Opens the sockets.
    static func start() async throws -> FakeControlPlane {
        let plane = try FakeControlPlane()
        let thread = try plane.context.makeThread(name: "plane")
        for kind in 0..<3 {
            let server = try await ServerSocket.bind("tcp://127.0.0.1:*", on: thread, session: Session()) {
                [weak plane] _, message in await plane?.receive(message, on: kind)
            }
            plane.state.withLock { $0.servers.append(server) }
        }
        return plane
    }

    func stop() async {
        let servers = state.withLock { state in
            defer { state.servers = [] }
            return state.servers
        }
        for server in servers { await server.close() }
        await context.terminate()
    }

    private func receive(_ message: WireMessage, on kind: Int) async {
        do {
            switch message.type {
            case .workerHello:
                let body: WorkerHello = try message.body()
                state.withLock { state in
                    let key = Key(device: body.device, kind: body.worker)
                    state.hellos[key] = body
                    state.peers[key] = message.peer
                    state.endpoints[key] = body.dataEndpoint
                }
                try await control.reply(
                    to: message, Outgoing(.workerWelcome, body: WorkerWelcome(heartbeatMilliseconds: 100)))
            case .workerHeartbeat:
                let body: WorkerHeartbeat = try message.body()
                state.withLock { $0.heartbeats[Key(device: body.device, kind: body.worker)] = body }
                try await control.reply(to: message, Outgoing(.workerHeartbeat))
            case .requestEvent:
                let body: RequestEvent = try message.body()
                guard let request = message.envelope.request else { return }
                state.withLock { $0.outputs[request, default: Output()].events.append(body) }
            case .deviceRegister:
                let body: RegisterDevice = try message.body()
                state.withLock { state in
                    let key = Key(device: body.device, kind: body.worker)
                    state.registered[key] = body
                    state.registryPeers[key] = message.peer
                }
                let accepted = DeviceRegistered(heartbeatMilliseconds: 200, lostAfterMilliseconds: 3000)
                try await registry.reply(to: message, Outgoing(.deviceRegistered, body: accepted))
            case .deviceHeartbeat: try await registry.reply(to: message, Outgoing(.deviceHeartbeat))
            case .tokensEmitted:
                let body: TokensEmitted = try message.body()
                guard let request = message.envelope.request, let seq = message.envelope.seq else { return }
                let scores = body.tensors == nil ? [] : try ScoreTensors.read(message, count: body.tokens.count)
                state.withLock { state in
                    for (offset, token) in body.tokens.enumerated() {
                        state.outputs[request, default: Output()].tokens[seq + UInt64(offset)] = token
                    }
                    for (offset, score) in scores.enumerated() {
                        state.outputs[request, default: Output()].scores[Int(seq) + offset] = score
                    }
                    if let guessed = body.guessedTokens {
                        state.outputs[request, default: Output()].guessed += guessed
                        state.outputs[request, default: Output()].accepted += body.tokens.count - 1
                    }
                    if let cached = body.cachedTokens { state.outputs[request, default: Output()].cached = cached }
                    if let finish = body.finishReason { state.outputs[request, default: Output()].finish = finish }
                }
            case .promptScored:
                let body: PromptScored = try message.body()
                guard let request = message.envelope.request else { return }
                let scores = try ScoreTensors.read(message)
                state.withLock { state in
                    for (offset, score) in scores.enumerated() {
                        state.outputs[request, default: Output()].promptScores[body.start + offset] = score
                    }
                }
            default: break
            }
        } catch {
            // What cannot be read shows as a missing token or event in the test.
        }
    }

    /// Waits until `condition` holds for the state.
    func wait(seconds: Int = 30, _ condition: (borrowing State) -> Bool) async -> Bool {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while !state.withLock({ condition($0) }) {
            guard ContinuousClock.now < deadline else { return false }
            try? await Task.sleep(for: .milliseconds(2))
        }
        return true
    }

    /// Puts a plan in force on the workers that it names.
    func enforce(_ plan: PlacementPlan) async throws {
        for replica in plan.replicas {
            let epoch = state.withLock { state in
                state.epoch += 1
                return state.epoch
            }
            for (index, stage) in replica.stages.enumerated() {
                let key = Key(device: stage.device, kind: replica.role.workerKind)
                guard let peer = state.withLock({ $0.peers[key] }) else { continue }
                let body = StagePrepare(assignment: StageAssignment(plan: plan, replica: replica.id, stage: index))
                _ = try await control.request(
                    Outgoing(.stagePrepare, epoch: epoch, body: body), to: peer, timeout: .seconds(30))
            }
        }
    }

    /// The route through two replicas of a plan (or one, where the decoder prefills for itself).
    func route(_ plan: PlacementPlan, prefill: ReplicaID?, decode: ReplicaID) -> Route {
        func stages(_ id: ReplicaID) -> [RouteStage] {
            guard let replica = plan.replicas.first(where: { $0.id == id }) else { return [] }
            return replica.stages.map { stage in
                let key = Key(device: stage.device, kind: replica.role.workerKind)
                return RouteStage(
                    device: stage.device, endpoint: state.withLock { $0.endpoints[key] ?? "" }, layers: stage.layers)
            }
        }
        return Route(
            prefillReplica: prefill, prefill: prefill.map(stages) ?? [], decodeReplica: decode, decode: stages(decode),
            gateway: tokens.endpoint)
    }

    /// Starts a request at the first stage of its route.
    func start(
        _ request: RequestID, _ tokens: [Int32], route: Route, sampling: SamplingParameters, stop: StopConditions,
        generated: Int = 0, capacity: Int? = nil, reuses: Bool? = nil, salt: String? = nil,
        guesses: Bool? = nil, constraint: SamplingConstraint? = nil
    ) async throws {
        let open = SequenceOpen(
            route: route, generatedTokens: generated, sampling: sampling, stop: stop,
            reservedTokens: tokens.count - generated + stop.maxTokens, capacityTokens: capacity, prefixCache: reuses,
            cacheSalt: salt, speculation: guesses, constraint: constraint, tokenCount: tokens.count)
        let kind: WorkerKind = route.prefill.isEmpty ? .decode : .prefill
        let key = Key(device: (route.prefill.first ?? route.decode[0]).device, kind: kind)
        guard let peer = state.withLock({ $0.peers[key] }) else { return }
        let epoch = state.withLock { $0.epoch }
        try await control.send(
            Outgoing(.requestStart, request: request, epoch: epoch, body: open, tensors: [Frame(elements: tokens)]),
            to: peer)
    }

    func output(_ request: RequestID) -> Output { state.withLock { $0.outputs[request] ?? Output() } }
}

extension RequestEvent {
    /// The request ended as it should.
    var hasFinished: Bool { if case .finished = moment { true } else { false } }
    /// A stage could not go on.
    var hasFailed: Bool { if case .failed = moment { true } else { false } }
}
