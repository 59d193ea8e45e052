/// What a socket reports besides messages.
public enum SocketEvent: Sendable {
    /// A ROUTER knows no such peer (any more); these messages were not sent.
    case unroutable(peer: PeerIdentity, messages: [Message])
    /// A peer of a ROUTER does not read: nothing could be sent to it for `SocketOptions.stallLimit`, or its queue was
    /// needed for others. What waited for it was dropped.
    case stalled(peer: PeerIdentity, messageCount: Int)
    /// A message had more frames than allowed and was dropped whole.
    case tooManyFrames(peer: PeerIdentity?, count: Int)
    /// libzmq refused a message for another reason than a full queue.
    case sendFailed(peer: PeerIdentity?, error: MessagingError)
    /// A connection is ready for messages (monitored sockets only).
    case connected(address: String)
    /// A connection ended (monitored sockets only).
    case disconnected(address: String)
    /// A connection was refused during its handshake: wrong key, other protocol (monitored sockets only).
    case handshakeFailed(address: String)
    /// The socket is closed, by its owner or with its thread; the last event.
    case closed
}

/// How received messages leave the socket thread.
public enum Receiver: Sendable {
    /// Through the socket's `messages`, bounded by `SocketOptions.receiveQueue`.
    case sequence
    /// By calling this on the socket thread, which must return at once: it forwards into a queue of its own.
    /// `pauseReceiving` and `resumeReceiving` push back. The caller keeps the socket object alive.
    case handler(@Sendable (Message) -> Void)
}

/// What became of a message offered without waiting.
public enum SendOutcome: Sendable, Hashable {
    /// It is queued and leaves in order.
    case accepted
    /// The queue is at its limit; nothing was taken.
    case queueFull
    /// The socket is closed.
    case closed
}

/// Counters of one socket since it was opened, and the state of its queues.
public struct SocketStatistics: Sendable, Hashable {
    /// Messages handed to libzmq.
    public var sentMessages = 0
    /// Payload bytes handed to libzmq.
    public var sentBytes = 0
    /// Messages received, without dropped ones.
    public var receivedMessages = 0
    /// Payload bytes received.
    public var receivedBytes = 0
    /// Messages dropped because no such peer was connected.
    public var unroutableMessages = 0
    /// Messages dropped because their peer did not read.
    public var stalledMessages = 0
    /// Messages offered and not taken because a queue was full.
    public var refusedMessages = 0
    /// Messages dropped because they had too many frames.
    public var tooManyFrames = 0
    /// Messages that libzmq refused.
    public var failedMessages = 0
    /// Handshakes that failed (monitored sockets only).
    public var failedHandshakes = 0
    /// Messages waiting to be sent.
    public var queuedMessages = 0
    /// Bytes waiting to be sent.
    public var queuedBytes = 0
}
