/// A PUB: binds; every subscriber of a topic gets what is published after it subscribed.
///
/// A subscriber that does not keep up misses messages beyond its high-water mark: publish state that the next message
/// replaces, never tensors. The last reference closes the socket.
public final class PublisherSocket: Sendable {
    let channel: Channel

    private init(_ channel: Channel) { self.channel = channel }

    /// Opens and binds a socket.
    ///
    /// - Throws: `addressInUse` or `badEndpoint`, naming the endpoint.
    public static func bind(
        _ endpoint: String, on thread: SocketThread, options: SocketOptions = .control,
        onEvent: (@Sendable (SocketEvent) -> Void)? = nil
    ) async throws(MessagingError) -> PublisherSocket {
        PublisherSocket(
            try await Channel.open(
                .publisher, endpoint: endpoint, options: options, receiver: .handler { _ in }, onEvent: onEvent,
                on: thread))
    }

    /// Where the socket is bound, with the real port.
    public var endpoint: String { channel.endpoint }

    /// Publishes to the subscribers whose subscription is a prefix of the topic.
    ///
    /// - Throws: `closed` or `cancelled`.
    public func publish(_ frames: [Frame], topic: String) async throws(MessagingError) {
        try await channel.state.outbox.send([Frame(topic)] + frames)
    }

    /// Publishes if there is room in the queue.
    public func tryPublish(_ frames: [Frame], topic: String) -> SendOutcome {
        channel.state.outbox.offer([Frame(topic)] + frames)
    }

    /// Counters and queue lengths.
    public var statistics: SocketStatistics { channel.statistics }

    /// Sends what is queued, for at most the linger time, then closes.
    public func close() async { await channel.close() }
}
