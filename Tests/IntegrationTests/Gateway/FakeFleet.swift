import Domain
import Messaging
import Protocol
import ServiceRuntime
import Synchronization

/// A scheduler and a last stage that speak the protocol and do what a test tells them.
final class FakeFleet: Sendable {
    /// What is done with a submission.
    enum Behaviour: Sendable {
        /// Answer with these tokens, one message each, then the reason.
        case answer([Int32], FinishReason)
        /// Accept, send these tokens, then nothing.
        case hang([Int32])
        /// Refuse.
        case refuse(Fault)
        /// Accept, send these tokens, then say that the request is lost.
        case lose([Int32], Fault)
        /// Do not even answer.
        case ignore
    }

    /// One submission as it came.
    struct Seen: Sendable {
        var id: RequestID
        var body: SubmitRequest
        var prompt: [Int32]
    }

    private struct State {
        var seen: [Seen] = []
        var cancelled: [RequestID] = []
        var heartbeats: [GatewayHeartbeat] = []
        var damage: [String] = []
        var peers: [RequestID: PeerIdentity] = [:]
    }

    private let state = Mutex(State())
    private let behave: @Sendable (Seen, Int) -> Behaviour
    private let control = Mutex<ServerSocket?>(nil)
    private let publisher = Mutex<StatePublisher?>(nil)
    private let stage = Mutex<ClientSocket?>(nil)
    private let thread: SocketThread
    private let session = Session()

    /// `behave` decides for every submission, which are numbered from 0.
    init(context: MessagingContext, behave: @escaping @Sendable (Seen, Int) -> Behaviour) throws {
        thread = try context.makeThread(name: "fleet")
        self.behave = behave
    }

    var seen: [Seen] { state.withLock { $0.seen } }
    var cancelled: [RequestID] { state.withLock { $0.cancelled } }
    var heartbeats: [GatewayHeartbeat] { state.withLock { $0.heartbeats } }
    var controlEndpoint: String { control.withLock { $0?.endpoint ?? "" } }
    var stateEndpoint: String { publisher.withLock { $0?.endpoint ?? "" } }

    func start() async throws {
        let server = try await ServerSocket.bind("tcp://127.0.0.1:*", on: thread, session: session) { [weak self] in
            await self?.handle($1)
        }
        control.withLock { $0 = server }
        let publisher = try await StatePublisher.bind("tcp://127.0.0.1:*", on: thread, session: session)
        self.publisher.withLock { $0 = publisher }
    }

    /// Connects the last stage to the gateway's tokens socket.
    func connectStage(to endpoint: String) async throws {
        let socket = try await ClientSocket.connect(to: endpoint, on: thread, session: session, name: "stage")
        stage.withLock { $0 = socket }
    }

    func publish(_ state: SchedulerState) {
        publisher.withLock { $0 }?.publish(Outgoing(.schedulerState, epoch: 4, body: state))
    }

    /// Sends tokens as the last stage.
    func emit(
        _ id: RequestID, at index: Int, _ tokens: [Int32], _ reason: FinishReason? = nil, top: Int? = nil
    ) async {
        guard let socket = stage.withLock({ $0 }) else { return }
        let tensors = top.map { top in ScoreTensors(tokens.map { Self.likelihood($0, top: top) }) }
        try? await socket.send(
            Outgoing(
                .tokensEmitted, request: id, seq: UInt64(index), final: reason != nil,
                body: TokensEmitted(tokens: tokens, finishReason: reason, tensors: tensors?.descriptors),
                tensors: tensors?.frames ?? []))
    }

    /// Tells how likely the tokens of a prompt are, in messages of three.
    func score(_ id: RequestID, _ prompt: [Int32], top: Int) async {
        guard let socket = stage.withLock({ $0 }) else { return }
        for start in stride(from: 1, to: prompt.count, by: 3) {
            let tensors = ScoreTensors(prompt.dropFirst(start).prefix(3).map { Self.likelihood($0, top: top) })
            try? await socket.send(
                Outgoing(
                    .promptScored, request: id, body: PromptScored(start: start, tensors: tensors.descriptors),
                    tensors: tensors.frames))
        }
    }

    /// How likely this fleet finds a token: the more so the smaller its number; `a` and `b` are always the most likely ones.
    static func likelihood(_ token: Int32, top: Int) -> TokenLikelihood {
        let best = [97, 98].map { RankedToken(token: $0, logProbability: -Float($0) / 512) }
        return TokenLikelihood(logProbability: -Float(token) / 512, top: Array(best.prefix(top)))
    }

    /// Says that a request is lost, as the scheduler.
    func lose(_ id: RequestID, _ error: Fault) async throws {
        guard let server = control.withLock({ $0 }), let peer = state.withLock({ $0.peers[id] }) else { return }
        try await server.send(Outgoing(.requestLost, request: id, body: error), to: peer)
    }

    func close() async {
        await control.withLock { $0 }?.close()
        await stage.withLock { $0 }?.close()
        await publisher.withLock { $0 }?.close()
    }

    private func handle(_ message: WireMessage) async {
        let server = control.withLock { $0 }
        switch message.type {
        case .requestCancel:
            if let id = message.envelope.request { state.withLock { $0.cancelled.append(id) } }
        case .gatewayHeartbeat:
            if let body = try? message.body(as: GatewayHeartbeat.self) { state.withLock { $0.heartbeats.append(body) } }
            try? await server?.reply(to: message, Outgoing(.gatewayHeartbeat))
        case .requestSubmit:
            guard let id = message.envelope.request, let body = try? message.body(as: SubmitRequest.self),
                let prompt = try? message.tokens("prompt")
            else { return state.withLock { $0.damage.append("submission") } }
            let seen = Seen(id: id, body: body, prompt: prompt)
            let number = state.withLock { state in
                state.seen.append(seen)
                state.peers[id] = message.peer
                return state.seen.count - 1
            }
            await perform(behave(seen, number), seen, message)
        default: await server?.replyUnknownType(to: message)
        }
    }

    private func perform(_ behaviour: Behaviour, _ seen: Seen, _ message: WireMessage) async {
        guard let server = control.withLock({ $0 }), let peer = message.peer else { return }
        func accept() async {
            let route = Route(
                prefillReplica: nil, prefill: [], decodeReplica: "r0", decode: [], gateway: seen.body.gatewayEndpoint)
            let body = RequestAccepted(
                plan: "plan-1", route: route, queueMilliseconds: 1, estimatedFirstTokenMilliseconds: 1)
            try? await server.reply(to: message, Outgoing(.requestAccepted, request: seen.id, body: body))
        }
        func send(_ tokens: [Int32], _ reason: FinishReason?) async {
            let first = seen.body.generatedTokens
            let sampling = seen.body.sampling
            if let top = sampling.promptScores { await score(seen.id, seen.prompt, top: top) }
            for (offset, token) in tokens.enumerated() {
                let isLast = offset == tokens.count - 1
                await emit(seen.id, at: first + offset, [token], isLast ? reason : nil, top: sampling.topScores)
            }
        }
        switch behaviour {
        case .ignore: break
        case .refuse(let error): try? await server.reply(to: message, error: error)
        case .answer(let tokens, let reason):
            await accept()
            await send(tokens, reason)
        case .hang(let tokens):
            await accept()
            await send(tokens, nil)
        case .lose(let tokens, let error):
            await accept()
            await send(tokens, nil)
            // The tokens travel on another socket; a gap is as good a reason to go on elsewhere.
            try? await server.send(Outgoing(.requestLost, request: seen.id, body: error), to: peer)
        }
    }
}
