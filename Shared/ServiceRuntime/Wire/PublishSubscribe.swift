public import Messaging
import Protocol
import Synchronization

/// A PUB that speaks the protocol; the topic is the message type.
public final class StatePublisher: Sendable {
    private let socket: PublisherSocket
    private let session: Session

    private init(socket: PublisherSocket, session: Session) {
        self.socket = socket
        self.session = session
    }

    /// Binds.
    public static func bind(
        _ endpoint: String, on thread: SocketThread, session: Session, options: SocketOptions = .control
    ) async throws -> StatePublisher {
        StatePublisher(
            socket: try await PublisherSocket.bind(endpoint, on: thread, options: options), session: session)
    }

    /// Where the socket is bound, with the real port.
    public var endpoint: String { socket.endpoint }
    /// Counters and queue lengths.
    public var statistics: SocketStatistics { socket.statistics }

    /// Publishes to whoever listens; dropped where the queue is full, because the next state replaces it.
    public func publish(_ message: Outgoing) {
        guard let frames = try? message.frames(id: session.nextID(), session: session.id) else { return }
        _ = socket.tryPublish(frames, topic: message.type.rawValue)
    }

    /// Closes the socket.
    public func close() async { await socket.close() }
}

/// A SUB that speaks the protocol.
public final class StateSubscriber: Sendable {
    private let socket: SubscriberSocket
    private let connection: ConnectionState
    private let pump = Mutex<Task<Void, Never>?>(nil)

    private init(socket: SubscriberSocket, connection: ConnectionState) {
        self.socket = socket
        self.connection = connection
    }

    /// Whether the connection is up.
    public var isConnected: Bool { connection.isConnected }

    /// Starts to connect; the handler gets every message of the given types, one at a time.
    public static func connect(
        to endpoint: String, topics: [String], on thread: SocketThread, options: SocketOptions = .control,
        handler: @escaping @Sendable (WireMessage) async -> Void
    ) async throws -> StateSubscriber {
        let connection = ConnectionState()
        var options = options
        options.monitorsConnections = true
        let socket = try await SubscriberSocket.connect(
            to: endpoint, topics: topics, on: thread, options: options, onEvent: { connection.note($0) })
        let subscriber = StateSubscriber(socket: socket, connection: connection)
        let task = Task(executorPreference: thread.executor) {
            for await message in socket.messages {
                guard let decoded = try? WireMessage.decode(message) else { continue }
                await handler(decoded)
            }
        }
        subscriber.pump.withLock { $0 = task }
        return subscriber
    }

    /// Closes the socket.
    public func close() async {
        await socket.close()
        await pump.withLock { $0 }?.value
    }
}
