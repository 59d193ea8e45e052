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
    /// Heartbeats of the transport, which find dead connections; `nil` turns them off.
    ///
    /// libzmq answers no heartbeat on a connection that it has stopped reading because the receiver lags: pushing back for
    /// longer than the timeout costs the connection and what was in flight. So `tensor` has none; dead peers are found by
    /// the heartbeats of the services on their control sockets, idle dead connections by TCP.
    public var heartbeat: Heartbeat? = Heartbeat()
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

    /// For hidden states and KV: small marks, connection required.
    public static let tensor: SocketOptions = {
        var options = SocketOptions()
        options.sendHighWaterMark = 8
        options.receiveHighWaterMark = 8
        options.sendQueue = QueueLimit(messages: 64, bytes: 64 << 20)
        options.receiveQueue = QueueLimit(messages: 64, bytes: 64 << 20)
        options.requiresConnection = true
        options.heartbeat = nil
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

/// Heartbeats of the transport (ZMTP PING).
public struct Heartbeat: Sendable, Hashable {
    /// Between two heartbeats.
    public var interval: Duration
    /// Silence after which the connection is closed.
    public var timeout: Duration

    /// Makes heartbeat settings.
    public init(interval: Duration = .seconds(1), timeout: Duration = .seconds(5)) {
        self.interval = interval
        self.timeout = timeout
    }
}
