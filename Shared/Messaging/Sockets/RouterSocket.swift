/// A ROUTER: binds, receives from many DEALERs, answers each by its identity.
///
/// Every peer has its own bounded outgoing queue, and sending never waits for a peer: who reads the socket is mostly who
/// answers, so waiting for one peer would end the reading for all, and libzmq notices that a peer has left only after
/// everything that it sent has been read. The last reference closes the socket; `messages` counts as one.
public final class RouterSocket: Sendable {
    let channel: Channel

    private init(_ channel: Channel) { self.channel = channel }

    /// Opens and binds a socket.
    ///
    /// - Parameters:
    ///   - endpoint: `tcp://host:port` (port `*` for any free one), `ipc://path` or `inproc://name`.
    ///   - onEvent: called on the socket thread; must return at once.
    /// - Throws: `addressInUse` or `badEndpoint`, naming the endpoint.
    public static func bind(
        _ endpoint: String, on thread: SocketThread, options: SocketOptions = .control,
        receiver: Receiver = .sequence, onEvent: (@Sendable (SocketEvent) -> Void)? = nil
    ) async throws(MessagingError) -> RouterSocket {
        RouterSocket(
            try await Channel.open(
                .router, endpoint: endpoint, options: options, receiver: receiver, onEvent: onEvent, on: thread))
    }

    /// Where the socket is bound, with the real port.
    public var endpoint: String { channel.endpoint }

    /// What peers send, with `Message.peer` set.
    public var messages: MessageSequence { MessageSequence(channel: channel) }

    /// Queues a message for a peer. A peer that is not connected is reported as `SocketEvent.unroutable`, one that does
    /// not read as `SocketEvent.stalled`.
    ///
    /// - Throws: `queueFull` where the peer's queue is full, at once; `closed`.
    public func send(_ frames: [Frame], to peer: PeerIdentity) async throws(MessagingError) {
        switch trySend(frames, to: peer) {
        case .accepted: return
        case .queueFull: throw MessagingError(.queueFull, "too many messages wait for \(peer)")
        case .closed: throw MessagingError(.closed, "the socket is closed")
        }
    }

    /// Queues a message for a peer if there is room.
    public func trySend(_ frames: [Frame], to peer: PeerIdentity) -> SendOutcome {
        channel.state.outbox.offer(frames, to: peer)
    }

    /// Stops reading; peers are held back at the high-water marks.
    public func pauseReceiving() { channel.setReading(false) }

    /// Reads again.
    public func resumeReceiving() { channel.setReading(true) }

    /// Counters and queue lengths.
    public var statistics: SocketStatistics { channel.statistics }

    /// Sends what is queued, for at most the linger time, then closes and ends `messages`.
    public func close() async { await channel.close() }
}
