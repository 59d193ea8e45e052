public import Domain
public import Messaging
internal import Protocol
import Synchronization

/// A ROUTER that speaks the protocol: messages are decoded and checked before the handler sees them, damaged ones are
/// answered with an error and counted, `ping` is answered here and `pong` ends here.
///
/// Nothing here waits for a peer to read: what is for one that does not is refused, and dropped after a while.
public final class ServerSocket: Sendable {
    /// Called for every message that is no reply to a request of this side, one at a time; while it waits, reading stops.
    public typealias Handler = @Sendable (ServerSocket, WireMessage) async -> Void

    private let socket: RouterSocket
    private let session: Session
    private let pending: PendingReplies
    private let pump = Mutex<Task<Void, Never>?>(nil)
    private let damaged = Atomic<Int>(0)

    private init(socket: RouterSocket, session: Session, on thread: SocketThread) {
        pending = PendingReplies(on: thread)
        self.socket = socket
        self.session = session
    }

    /// Binds and starts to receive.
    ///
    /// - Parameter onUnroutable: called on the socket's thread with a peer to which messages could not be sent: it is not
    ///   connected, or it does not read.
    /// - Parameter onDisconnected: called on the socket's thread when the connection of a peer has ended; of which one, libzmq does
    ///   not tell, and messages may still be taken for it for some milliseconds.
    public static func bind(
        _ endpoint: String, on thread: SocketThread, session: Session, options: SocketOptions = .control,
        onUnroutable: (@Sendable (PeerIdentity) -> Void)? = nil, onDisconnected: (@Sendable () -> Void)? = nil,
        handler: @escaping Handler
    ) async throws -> ServerSocket {
        var options = options
        if onDisconnected != nil { options.monitorsConnections = true }
        let router = try await RouterSocket.bind(endpoint, on: thread, options: options) { event in
            switch event {
            case .unroutable(let peer, _), .stalled(let peer, _): onUnroutable?(peer)
            case .disconnected: onDisconnected?()
            default: break
            }
        }
        let server = ServerSocket(socket: router, session: session, on: thread)
        let task = Task(executorPreference: thread.executor) { [weak server] in
            for await message in router.messages {
                guard let server else { return }
                await server.receive(message, handler)
            }
            server?.pending.close()
        }
        server.pump.withLock { $0 = task }
        return server
    }

    /// Where the socket is bound, with the real port.
    public var endpoint: String { socket.endpoint }
    /// Messages that were refused because they are damaged.
    public var damagedMessages: Int { damaged.load(ordering: .relaxed) }

    /// Counters and queue lengths.
    public var statistics: SocketStatistics { socket.statistics }

    /// Sends to a peer.
    ///
    /// - Throws: at once, `MessagingError` with code `queueFull`, where too much waits for the peer.
    public func send(_ message: Outgoing, to peer: PeerIdentity) async throws {
        try await socket.send(message.frames(id: session.nextID(), session: session.id), to: peer)
    }

    /// Sends to a peer and waits for its reply.
    ///
    /// - Throws: `RuntimeError` with code `timedOut`, `closed`, or `refused` where the peer answered with an error.
    public func request(_ message: Outgoing, to peer: PeerIdentity, timeout: Duration) async throws -> WireMessage {
        let id = session.nextID()
        let frames = try message.frames(id: id, session: session.id)
        let reply = try await pending.reply(to: id, timeout: timeout, what: "\(message.type) to \(peer)") {
            try await self.socket.send(frames, to: peer)
        }
        return try reply.accepted()
    }

    /// Sends to a peer at once, so that messages leave in the order of the calls, and returns what waits for the reply.
    ///
    /// - Throws: `ProtocolError` where the message cannot be encoded; waiting throws where it could not be sent.
    public func post(
        _ message: Outgoing, to peer: PeerIdentity, timeout: Duration
    ) throws -> @Sendable () async throws -> WireMessage {
        let id = session.nextID()
        let frames = try message.frames(id: id, session: session.id)
        pending.expect(id)
        let outcome = socket.trySend(frames, to: peer)
        return { [pending] in
            try await pending.reply(to: id, timeout: timeout, what: "\(message.type) to \(peer)") {
                guard outcome == .accepted else {
                    throw RuntimeError(.closed, "\(message.type) to \(peer) could not be sent", isRetriable: true)
                }
            }.accepted()
        }
    }

    /// Sends a `ping`, in order to learn whether the peer's connection still is: `onUnroutable` is called where it is not,
    /// within milliseconds. The peer's answer is not reported. `false` where too much waits for the peer already.
    @discardableResult
    public func probe(_ peer: PeerIdentity) -> Bool {
        guard let frames = try? Outgoing(.ping).frames(id: session.nextID(), session: session.id) else { return false }
        return socket.trySend(frames, to: peer) == .accepted
    }

    /// Answers a message; throws as `send` does.
    public func reply(to original: WireMessage, _ message: Outgoing) async throws {
        guard let peer = original.peer else { return }
        let frames = try message.frames(
            id: session.nextID(), session: session.id, replyTo: original.envelope.id, status: .ok)
        try await socket.send(frames, to: peer)
    }

    /// Answers a message with an error; throws as `send` does.
    public func reply(to original: WireMessage, error: Fault) async throws {
        guard let peer = original.peer else { return }
        let frames = try Outgoing(.error, request: original.envelope.request, body: error).frames(
            id: session.nextID(), session: session.id, replyTo: original.envelope.id, status: .error)
        try await socket.send(frames, to: peer)
    }

    /// Answers a message if there is room in the peer's queue; `false` where there is none.
    @discardableResult
    public func tryReply(to original: WireMessage, _ message: Outgoing) -> Bool {
        tryReply(to: original, message, status: .ok)
    }

    /// Answers a message with an error if there is room in the peer's queue; `false` where there is none.
    @discardableResult
    public func tryReply(to original: WireMessage, error: Fault) -> Bool {
        tryReply(to: original, Outgoing(.error, request: original.envelope.request, body: error), status: .error)
    }

    private func tryReply(to original: WireMessage, _ message: Outgoing, status: ReplyStatus) -> Bool {
        guard let peer = original.peer,
            let frames = try? message.frames(
                id: session.nextID(), session: session.id, replyTo: original.envelope.id, status: status)
        else { return false }
        return socket.trySend(frames, to: peer) == .accepted
    }

    /// Answers a message of a type that the service does not know.
    public func replyUnknownType(to original: WireMessage) async {
        let error = Fault("unknown_type", "this socket does not know \(original.type)")
        try? await reply(to: original, error: error)
    }

    /// Closes the socket and fails the requests that wait.
    public func close() async {
        pending.close()
        await socket.close()
        await pump.withLock { $0 }?.value
    }

    private func receive(_ message: Message, _ handler: Handler) async {
        do {
            let decoded = try WireMessage.decode(message)
            if decoded.envelope.replyTo != nil {
                _ = pending.resolve(decoded)
            } else if decoded.type == .ping {
                try? await reply(to: decoded, Outgoing(.pong))
            } else if decoded.type != .pong {
                await handler(self, decoded)
            }
        } catch {
            damaged.wrappingAdd(1, ordering: .relaxed)
            // A reply is only sent where a frame structure was there, so that garbage is not answered with garbage.
            guard message.frames.count >= 3, let peer = message.peer else { return }
            if let frames = try? Outgoing(.error, body: error.fault).frames(
                id: session.nextID(), session: session.id, replyTo: Codec.messageID(envelope: message.frames[1].bytes),
                status: .error)
            {
                _ = socket.trySend(frames, to: peer)
            }
        }
    }
}

extension WireMessage {
    /// The message itself, or the error that it reports.
    func accepted() throws -> WireMessage {
        if let error = reportedError {
            throw RuntimeError(.refused, error.message, reported: error, isRetriable: error.isRetriable)
        }
        return self
    }
}
