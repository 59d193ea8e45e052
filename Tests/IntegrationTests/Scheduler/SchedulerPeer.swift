import Domain
import Messaging
import Protocol
import ServiceRuntime
import Synchronization

/// A worker or a gateway at a scheduler's control socket: keeps what it is sent, loads every stage that it is told to.
final class SchedulerPeer: Sendable {
    struct NotConnected: Error {}

    private struct State {
        var client: ClientSocket?
        var received: [WireMessage] = []
    }

    let name: String
    private let state = Mutex(State())

    private init(_ name: String) { self.name = name }

    static func connect(
        _ name: String, to endpoint: String, on thread: SocketThread, session: Session = Session(),
        options: SocketOptions = .control
    ) async throws -> SchedulerPeer {
        let peer = SchedulerPeer(name)
        let client = try await ClientSocket.connect(
            to: endpoint, on: thread, session: session, name: name, options: options
        ) { [weak peer] message in
            await peer?.take(message)
        }
        peer.state.withLock { $0.client = client }
        return peer
    }

    private func take(_ message: WireMessage) async {
        let client = state.withLock { state in
            state.received.append(message)
            return state.client
        }
        switch message.type {
        case .stagePrepare:
            let body = StagePrepared(kvCapacityTokens: 2000, weightBytes: 1000)
            try? await client?.reply(to: message, Outgoing(.stagePrepared, body: body))
        case .stageRelease: try? await client?.reply(to: message, Outgoing(.stageReleased))
        default: break
        }
    }

    // MARK: Asking

    func request(_ message: Outgoing) async throws -> WireMessage {
        guard let client = state.withLock({ $0.client }) else { throw NotConnected() }
        return try await client.request(message, timeout: .seconds(60))
    }

    /// The error that a message is answered with; `nil` where it is taken.
    func refusal(_ message: Outgoing) async throws -> Fault? {
        do {
            _ = try await request(message)
            return nil
        } catch let error as RuntimeError {
            guard let reported = error.reported else { throw error }
            return reported
        }
    }

    func send(_ message: Outgoing) async throws {
        guard let client = state.withLock({ $0.client }) else { throw NotConnected() }
        try await client.send(message)
    }

    func schedulerState() async throws -> SchedulerState { try await request(Outgoing(.stateGet)).body() }

    // MARK: Looking

    /// What came so far, of one type.
    func all(_ type: MessageType) -> [WireMessage] { state.withLock { $0.received.filter { $0.type == type } } }

    /// The first message of a type, waited for.
    func first(_ type: MessageType) async throws -> WireMessage { try await PlannerWait.until { all(type).first } }

    /// Events that came so far.
    var events: [RequestEvent.Moment] {
        all(.requestEvent).compactMap { try? $0.body(as: RequestEvent.self).moment }
    }

    func close() async { await state.withLock { $0.client }?.close() }

    // MARK: A worker

    /// The data endpoint that it tells.
    var endpoint: String { "tcp://\(name):1" }

    /// The decode worker of the device that it is named after, or of another one.
    func hello(
        as device: DeviceID? = nil, minor: Int? = ProtocolVersion.minor, capabilities: [String]? = nil,
        stages: [ServedStage]? = nil
    ) -> Outgoing {
        Outgoing(
            .workerHello, epoch: stages?.map(\.formed).max(),
            body: WorkerHello(
                device: device ?? DeviceID(name), worker: .decode, dataEndpoint: endpoint, stages: stages,
                protocolMinor: minor, capabilities: capabilities))
    }

    var heartbeat: Outgoing {
        Outgoing(
            .workerHeartbeat,
            body: WorkerHeartbeat(
                device: DeviceID(name), worker: .decode, load: WorkerLoad(residentBytes: 1)))
    }

    func report(
        _ moment: RequestEvent.Moment, _ request: RequestID, generated: Int = 0
    ) async throws {
        let body = RequestEvent(moment, generatedTokens: generated)
        try await send(Outgoing(.requestEvent, request: request, body: body))
    }

    // MARK: A gateway

    func submit(_ request: RequestID, _ tokens: [Int32], maxTokens: Int) async throws -> RequestAccepted {
        let body = SubmitRequest(
            sampling: SamplingParameters(temperature: 0), stop: StopConditions(maxTokens: maxTokens),
            gatewayEndpoint: endpoint, tokenCount: tokens.count)
        let message = Outgoing(.requestSubmit, request: request, body: body, tensors: [Frame(elements: tokens)])
        return try await self.request(message).body()
    }
}
