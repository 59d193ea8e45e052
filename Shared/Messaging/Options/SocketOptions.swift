/// How a socket behaves; every default is bounded.
///
/// `control` suits requests, heartbeats and events; `tensor` suits hidden states and KV, where little may be in flight and
/// pushing back is wanted.
public struct SocketOptions: Sendable {
    /// Most messages that libzmq queues before sending pushes back (SNDHWM); not on a ROUTER.
    public var sendHighWaterMark = 1000
    /// Most messages that libzmq queues per peer before it stops reading the connection (RCVHWM).
    public var receiveHighWaterMark = 1000
    /// Bound of the queue in front of the socket; beyond it `send` waits. Not on a ROUTER.
    public var sendQueue = QueueLimit(messages: 1024, bytes: 64 << 20)
    /// On a ROUTER: most messages that libzmq queues per peer (SNDHWM).
    public var peerHighWaterMark = 256
    /// On a ROUTER: bound of the queue in front of it, per peer. Beyond it sending fails, so it is wide enough for the
    /// answers to everything that a peer may have asked at once.
    public var peerQueue = QueueLimit(messages: 4096, bytes: 16 << 20)
    /// On a ROUTER: bound of the queues of all peers together. Where it is reached, the largest queue of a peer that does
    /// not read is dropped.
    public var allPeersQueue = QueueLimit(messages: 16_384, bytes: 64 << 20)
    /// On a ROUTER: most peers for which messages may wait at a time; beyond it the same happens.
    public var maximumQueuedPeers = 4096
    /// On a ROUTER: what waits for a peer is dropped, and the peer reported as `SocketEvent.stalled`, when libzmq has had
    /// no room for it for this long.
    public var stallLimit: Duration = .seconds(5)
    /// Bound of what has been received and not yet consumed; beyond it the socket is not read.
    public var receiveQueue = QueueLimit(messages: 1024, bytes: 64 << 20)
    /// A peer that announces a larger frame is disconnected (MAXMSGSIZE).
    public var maximumFrameBytes = 64 << 20
    /// A message of more frames is dropped whole and counted.
    public var maximumFrames = 64
    /// How long closing waits for messages that have not left.
    public var linger: Duration = .milliseconds(500)
    /// A connection that has not finished its handshake by then is closed.
    public var handshakeTimeout: Duration = .seconds(5)
    /// A connection ends when the other side's system has not acknowledged, or has had no room for, what was sent for this
    /// long (TCP_USER_TIMEOUT); `nil` leaves it to the system, which takes a quarter of an hour.
    ///
    /// `tensor` has none, as a receiver that pushes back has no room. It stands for the heartbeats of libzmq, which must not
    /// be used: on a connection that libzmq has stopped reading because the receiver lags, they end the process by an
    /// assertion when the connection is lost (libzmq 4.3.4 and later, issues 3937, 4364 and 4767). Silent peers are found by
    /// the heartbeats of the services, idle dead connections by TCP.
    public var acknowledgeTimeout: Duration? = .seconds(10)
    /// How long one attempt to connect may take.
    public var connectTimeout: Duration = .seconds(5)
    /// Waits between attempts to connect again: from the lower bound, doubling to the upper one.
    public var reconnectInterval: ClosedRange<Duration> = .milliseconds(100) ... .seconds(5)
    /// Probes of the operating system on TCP connections that were idle for 10 s; three unanswered ones end a connection.
    public var tcpKeepAlive = true
    /// On a DEALER: `false` (control) queues messages while the peer is away, so that they arrive after its restart;
    /// `true` (tensor) takes messages only while connected, so that `send` waits and nothing stale is delivered.
    public var requiresConnection = false
    /// On a ROUTER: a new connection that claims a known identity replaces the old one. Without it a peer that reconnects
    /// before the ROUTER has noticed the loss is never heard again. Anything but loopback uses CURVE, which is what keeps
    /// strangers from claiming identities.
    public var acceptsHandover = true
    /// Encryption and keys.
    public var security: Security = .none
    /// Reports connections made, lost and refused as events; costs one more descriptor.
    public var monitorsConnections = false

    /// The defaults.
    public init() {}

    /// For requests, heartbeats and events.
    public static let control = SocketOptions()

    /// For hidden states and KV, at both ends: small marks, connection required, quick to connect again.
    ///
    /// When the receiver stops, a DEALER has on the way at most `sendQueue` and `receiveQueue`, one message beyond each, four
    /// messages in libzmq at each end (at the receiver per peer), and what the operating system buffers, some MB. A connection
    /// that ends takes with it what was in libzmq and in those buffers; what is in `sendQueue` is sent to the peer that comes
    /// back. Nothing is sent twice.
    public static let tensor: SocketOptions = {
        var options = SocketOptions()
        options.sendHighWaterMark = 4
        options.receiveHighWaterMark = 4
        options.sendQueue = QueueLimit(messages: 64, bytes: 4 << 20)
        options.receiveQueue = QueueLimit(messages: 64, bytes: 16 << 20)
        options.reconnectInterval = .milliseconds(50) ... .milliseconds(500)
        options.requiresConnection = true
        options.acknowledgeTimeout = nil
        return options
    }()
}

/// Bound of a queue: it is full when either count is reached. A single message larger than `bytes` still passes when the
/// queue is empty.
public struct QueueLimit: Sendable, Hashable {
    /// Most messages.
    public var messages: Int
    /// Most bytes.
    public var bytes: Int

    /// Makes a bound; both are at least one.
    public init(messages: Int, bytes: Int) {
        self.messages = max(1, messages)
        self.bytes = max(1, bytes)
    }

    func isReached(messages count: Int, bytes size: Int) -> Bool { count >= messages || size >= bytes }
}
