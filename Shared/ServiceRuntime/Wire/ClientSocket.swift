public import Domain
public import Messaging
internal import Protocol
import Synchronization

/// A DEALER that speaks the protocol: requests with replies, messages without, and messages that the other side sends of
/// its own accord. `ping` is answered here and `pong` ends here.
public final class ClientSocket: Sendable {
    /// Called for every message that is no reply, one at a time; while it waits, reading stops.
    public typealias Handler = @Sendable (WireMessage) async -> Void

    private let socket: DealerSocket
    private let session: Session
    private let pending: PendingReplies
    private let pump = Mutex<Task<Void, Never>?>(nil)
    private let connection: ConnectionState

    private init(socket: DealerSocket, session: Session, connection: ConnectionState, on thread: SocketThread) {
        pending = PendingReplies(on: thread)
        self.socket = socket
        self.session = session
        self.connection = connection
    }

    /// Starts to connect; the peer need not be there yet.
    ///
    /// - Parameters:
    ///   - name: prefix of the generated identity under which the ROUTER knows this socket, for logs.
    ///   - link: emulates the egress of a device.
    ///   - onConnected: called on the socket's thread whenever a monitored connection is made; must return at once.
    public static func connect(
        to endpoint: String, on thread: SocketThread, session: Session, name: String = "peer",
        options: SocketOptions = .control, link: ShapedLink? = nil, handler: @escaping Handler = { _ in },
        onConnected: (@Sendable () -> Void)? = nil
    ) async throws -> ClientSocket {
        let connection = ConnectionState()
        let dealer = try await DealerSocket.connect(
            to: endpoint, on: thread, identity: .generate(prefix: name), options: options, link: link,
            onEvent: {
                connection.note($0)
                if case .connected = $0 { onConnected?() }
            })
        let client = ClientSocket(socket: dealer, session: session, connection: connection, on: thread)
        let task = Task(executorPreference: thread.executor) { [weak client] in
            for await message in dealer.messages {
                guard let client else { return }
                guard let decoded = try? WireMessage.decode(message) else { continue }
                if decoded.envelope.replyTo != nil {
                    _ = client.pending.resolve(decoded)
                } else if decoded.type == .ping {
                    try? await client.reply(to: decoded, Outgoing(.pong))
                } else if decoded.type != .pong {
                    await handler(decoded)
                }
            }
            client?.pending.close()
        }
        client.pump.withLock { $0 = task }
        return client
    }

    /// Starts to connect to an endpoint that was announced, which names the key of the other side where keys are used.
    ///
    /// - Throws: `RuntimeError` where keys are used and none was announced.
    public static func connect(
        announced: String, keyring: Keyring?, on thread: SocketThread, session: Session, name: String,
        options: SocketOptions = .control, link: ShapedLink? = nil
    ) async throws -> ClientSocket {
        let endpoint = KeyedEndpoint(announced)
        return try await connect(
            to: endpoint.address, on: thread, session: session, name: name,
            options: keyring?.connecting(options, to: endpoint) ?? options, link: link)
    }

    /// Where the socket connects to.
    public var endpoint: String { socket.endpoint }
    /// Whether the connection is up; known with `SocketOptions.monitorsConnections` only.
    public var isConnected: Bool { connection.isConnected }
    /// Counters and queue lengths.
    public var statistics: SocketStatistics { socket.statistics }

    /// Sends a message that needs no reply; waits while the queue is full, which is until the other side is back where it
    /// has gone. Run loops use `trySend`.
    public func send(_ message: Outgoing) async throws {
        try await socket.send(message.frames(id: session.nextID(), session: session.id))
    }

    /// Sends a message if there is room in the queue; `false` where there is none.
    public func trySend(_ message: Outgoing) -> Bool {
        guard let frames = try? message.frames(id: session.nextID(), session: session.id) else { return false }
        return socket.trySend(frames) == .accepted
    }

    /// Sends and waits for the reply, within the timeout for both.
    ///
    /// - Throws: `RuntimeError` with code `timedOut`, `closed`, or `refused` where the peer answered with an error.
    public func request(_ message: Outgoing, timeout: Duration) async throws -> WireMessage {
        let id = session.nextID()
        let frames = try message.frames(id: id, session: session.id)
        let reply = try await pending.reply(to: id, timeout: timeout, what: "\(message.type) to \(socket.endpoint)") {
            // There mostly is room, and a task less to start.
            self.socket.trySend(frames) == .accepted
        } send: {
            try await self.socket.send(frames)
        }
        return try reply.accepted()
    }

    /// Answers a message that came over this socket; never waits for the other side.
    ///
    /// - Throws: `MessagingError` with code `queueFull` where the other side takes nothing.
    public func reply(to original: WireMessage, _ message: Outgoing) async throws {
        try offer(
            message.frames(id: session.nextID(), session: session.id, replyTo: original.envelope.id, status: .ok))
    }

    /// Answers a message that came over this socket with an error; throws as the other `reply` does.
    public func reply(to original: WireMessage, error: Fault) async throws {
        let message = Outgoing(.error, request: original.envelope.request, body: error)
        try offer(
            message.frames(id: session.nextID(), session: session.id, replyTo: original.envelope.id, status: .error))
    }

    /// Answers a message if there is room in the queue; `false` where there is none.
    @discardableResult
    public func tryReply(to original: WireMessage, _ message: Outgoing) -> Bool {
        tryReply(to: original, message, status: .ok)
    }

    /// Answers a message with an error if there is room in the queue; `false` where there is none.
    @discardableResult
    public func tryReply(to original: WireMessage, error: Fault) -> Bool {
        tryReply(to: original, Outgoing(.error, request: original.envelope.request, body: error), status: .error)
    }

    private func tryReply(to original: WireMessage, _ message: Outgoing, status: ReplyStatus) -> Bool {
        guard
            let frames = try? message.frames(
                id: session.nextID(), session: session.id, replyTo: original.envelope.id, status: status)
        else { return false }
        return socket.trySend(frames) == .accepted
    }

    private func offer(_ frames: [Frame]) throws {
        switch socket.trySend(frames) {
        case .accepted: return
        case .queueFull: throw MessagingError(.queueFull, "too many messages wait for \(socket.endpoint)")
        case .closed: throw MessagingError(.closed, "the socket is closed")
        }
    }

    /// Closes the socket and fails the requests that wait.
    public func close() async {
        pending.close()
        await socket.close()
        await pump.withLock { $0 }?.value
    }
}
