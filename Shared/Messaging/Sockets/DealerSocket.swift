/// A DEALER: connects to one ROUTER, connects again by itself when the connection is lost.
///
/// The last reference closes the socket; `messages` counts as one.
public final class DealerSocket: Sendable {
    let channel: Channel
    /// The identity under which the ROUTER knows this socket, the same after every reconnection.
    public let identity: PeerIdentity

    private init(_ channel: Channel, identity: PeerIdentity) {
        self.channel = channel
        self.identity = identity
    }

    /// Opens a socket and starts to connect; the peer need not be there yet.
    ///
    /// - Parameters:
    ///   - endpoint: `tcp://host:port`, `ipc://path` or `inproc://name`.
    ///   - identity: of this process only; two connections that share one displace each other. Generated when `nil`.
    ///   - link: emulates the egress of a device; several sockets may share one.
    ///   - onEvent: called on the socket thread; must return at once.
    /// - Throws: `badEndpoint`, naming the endpoint, or `badOption`.
    public static func connect(
        to endpoint: String, on thread: SocketThread, identity: PeerIdentity? = nil,
        options: SocketOptions = .control, link: ShapedLink? = nil, receiver: Receiver = .sequence,
        onEvent: (@Sendable (SocketEvent) -> Void)? = nil
    ) async throws(MessagingError) -> DealerSocket {
        let identity = identity ?? .generate(prefix: "peer")
        guard identity.isValid else {
            throw MessagingError(.badOption, "\(identity) is no identity: 1 to 255 bytes, the first not zero")
        }
        let channel = try await Channel.open(
            .dealer(identity), endpoint: endpoint, options: options, link: link, receiver: receiver,
            onEvent: onEvent, on: thread)
        return DealerSocket(channel, identity: identity)
    }

    /// Where the socket connects to.
    public var endpoint: String { channel.endpoint }

    /// What the ROUTER sends.
    public var messages: MessageSequence { MessageSequence(channel: channel) }

    /// Queues a message; waits while the queue is full.
    ///
    /// - Throws: `closed` or `cancelled`.
    public func send(_ frames: [Frame]) async throws(MessagingError) {
        try await channel.state.outbox.send(frames)
    }

    /// Queues a message if there is room.
    public func trySend(_ frames: [Frame]) -> SendOutcome { channel.state.outbox.offer(frames) }

    /// Stops reading; the peer is held back at the high-water marks.
    public func pauseReceiving() { channel.setReading(false) }

    /// Reads again.
    public func resumeReceiving() { channel.setReading(true) }

    /// Counters and queue lengths.
    public var statistics: SocketStatistics { channel.statistics }

    /// Sends what is queued, for at most the linger time, then closes and ends `messages`.
    public func close() async { await channel.close() }
}
