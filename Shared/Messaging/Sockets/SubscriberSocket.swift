/// A SUB: connects to one or more publishers, again by itself after a loss, and receives the topics it asked for.
///
/// What is published while it is not connected is missed. The last reference closes the socket; `messages` counts as one.
public final class SubscriberSocket: Sendable {
    let channel: Channel

    private init(_ channel: Channel) { self.channel = channel }

    /// Opens a socket and starts to connect; the publisher need not be there yet.
    ///
    /// - Parameters:
    ///   - topics: prefixes of the topics to receive; the empty text asks for all.
    /// - Throws: `badEndpoint`, naming the endpoint.
    public static func connect(
        to endpoint: String, topics: [String], on thread: SocketThread, options: SocketOptions = .control,
        receiver: Receiver = .sequence, onEvent: (@Sendable (SocketEvent) -> Void)? = nil
    ) async throws(MessagingError) -> SubscriberSocket {
        SubscriberSocket(
            try await Channel.open(
                .subscriber(topics), endpoint: endpoint, options: options, receiver: receiver, onEvent: onEvent,
                on: thread))
    }

    /// Where the socket connected to first.
    public var endpoint: String { channel.endpoint }

    /// What is published, with `Message.topic` set; `frames` are without the topic.
    public var messages: MessageSequence { MessageSequence(channel: channel) }

    /// Connects to another publisher.
    public func connect(to endpoint: String) async throws(MessagingError) {
        try await channel.perform(.connect(endpoint))
    }

    /// Asks for more topics.
    public func subscribe(to topic: String) async throws(MessagingError) {
        try await channel.perform(.subscribe(topic))
    }

    /// Gives a topic back.
    public func unsubscribe(from topic: String) async throws(MessagingError) {
        try await channel.perform(.unsubscribe(topic))
    }

    /// Stops reading; what the publisher cannot queue is missed.
    public func pauseReceiving() { channel.setReading(false) }

    /// Reads again.
    public func resumeReceiving() { channel.setReading(true) }

    /// Counters and queue lengths.
    public var statistics: SocketStatistics { channel.statistics }

    /// Closes and ends `messages`.
    public func close() async { await channel.close() }
}
