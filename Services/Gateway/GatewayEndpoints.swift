import Domain
import Messaging
import Protocol
import ServiceRuntime

/// Every socket of the gateway besides HTTP.
struct GatewayEndpoints: Sendable {
    /// ROUTER: tokens from the last stages.
    let tokens: ServerSocket
    /// DEALER to the scheduler: requests, cancellations, heartbeats.
    let control: ClientSocket
    /// SUB: the scheduler's state.
    let state: StateSubscriber
    /// SUB: the fleet.
    let fleet: StateSubscriber
    /// DEALER to the profiler: the fleet, once, after a start.
    let registry: ClientSocket
    /// What the workers are told to send tokens to.
    let announced: String

    /// Opens all of them on one thread.
    static func open(
        _ configuration: GatewayConfiguration, on thread: SocketThread, session: Session,
        queue: EventQueue<GatewayEvent>, cluster: ClusterView
    ) async throws -> GatewayEndpoints {
        // Workers are told of faults by nobody: what is no token message is dropped, and counted by the socket.
        let tokens = try await ServerSocket.bind(configuration.bindTokens, on: thread, session: session) { message in
            if let event = tokensEvent(message) { await queue.send(event) }
        }
        let control = try await ClientSocket.connect(
            to: configuration.control, on: thread, session: session, name: "gateway"
        ) { message in
            await queue.send(controlEvent(message))
        }
        let state = try await StateSubscriber.connect(
            to: configuration.state, topics: [MessageType.schedulerState.rawValue], on: thread
        ) { message in
            guard let body = try? message.body(as: SchedulerState.self) else { return }
            cluster.scheduler(message.header.body, body, epoch: message.envelope.epoch)
            await queue.send(.schedulerState(body, session: message.envelope.session))
        }
        let fleet = try await StateSubscriber.connect(
            to: configuration.fleet, topics: [MessageType.fleetSnapshot.rawValue], on: thread
        ) { message in
            if (try? message.body(as: Fleet.self)) != nil { cluster.fleet(message.header.body) }
        }
        let registry = try await ClientSocket.connect(
            to: configuration.registry, on: thread, session: session, name: "gateway")
        return GatewayEndpoints(
            tokens: tokens, control: control, state: state, fleet: fleet, registry: registry,
            announced: configuration.announce ?? tokens.endpoint)
    }

    /// Closes all of them.
    func close() async {
        await control.close()
        await tokens.close()
        await state.close()
        await fleet.close()
        await registry.close()
    }

    private static func tokensEvent(_ message: WireMessage) -> GatewayEvent? {
        guard message.type == .tokensEmitted, let request = message.envelope.request,
            let body = try? message.body(as: TokensEmitted.self),
            let index = message.envelope.seq.flatMap({ Int(exactly: $0) }), index <= Int32.max
        else { return nil }
        return .tokens(request, index: index, body.tokens, body.finishReason)
    }

    private static func controlEvent(_ message: WireMessage) -> GatewayEvent {
        if message.type == .requestLost, let request = message.envelope.request,
            let body = try? message.body(as: ErrorBody.self)
        {
            return .lost(request, body)
        }
        if message.type == .requestEvent, let request = message.envelope.request,
            let body = try? message.body(as: RequestEvent.self)
        {
            return .moment(request, body.kind)
        }
        return .schedulerHeard(session: message.envelope.session)
    }
}
