import CZeroMQ

extension SocketRole {
    var type: Int32 {
        switch self {
        case .router: ZMQ_ROUTER
        case .dealer: ZMQ_DEALER
        case .publisher: ZMQ_PUB
        case .subscriber: ZMQ_SUB
        }
    }
}

extension Duration {
    /// Milliseconds, rounded up, as libzmq wants them.
    var milliseconds: Int {
        let (seconds, attoseconds) = components
        let (product, overflow) = Int(seconds).multipliedReportingOverflow(by: 1000)
        return overflow ? Int(Int32.max) : product + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}

extension Socket {
    /// Sets everything that has to be set before the socket binds or connects.
    borrowing func apply(_ options: SocketOptions, role: SocketRole) throws(MessagingError) {
        try set(ZMQ_SNDHWM, options.sendHighWaterMark, "the send high-water mark")
        try set(ZMQ_RCVHWM, options.receiveHighWaterMark, "the receive high-water mark")
        try set(ZMQ_MAXMSGSIZE, options.maximumFrameBytes, "the largest frame")
        try set(ZMQ_LINGER, options.linger.milliseconds, "the linger time")
        try set(ZMQ_HANDSHAKE_IVL, options.handshakeTimeout.milliseconds, "the handshake timeout")
        if let timeout = options.acknowledgeTimeout {
            try set(ZMQ_TCP_MAXRT, timeout.milliseconds, "the time for acknowledgements")
        }
        try set(ZMQ_CONNECT_TIMEOUT, options.connectTimeout.milliseconds, "the connect timeout")
        try set(ZMQ_RECONNECT_IVL, options.reconnectInterval.lowerBound.milliseconds, "the reconnect interval")
        try set(ZMQ_RECONNECT_IVL_MAX, options.reconnectInterval.upperBound.milliseconds, "the reconnect interval")
        try set(ZMQ_TCP_KEEPALIVE, options.tcpKeepAlive ? 1 : 0, "TCP keep-alive")
        if options.tcpKeepAlive {
            try set(ZMQ_TCP_KEEPALIVE_IDLE, 10, "TCP keep-alive")
            try set(ZMQ_TCP_KEEPALIVE_INTVL, 5, "TCP keep-alive")
            try set(ZMQ_TCP_KEEPALIVE_CNT, 3, "TCP keep-alive")
        }
        try apply(options.security)
        switch role {
        case .router:
            try set(ZMQ_SNDHWM, options.peerHighWaterMark, "the send high-water mark")
            try set(ZMQ_ROUTER_MANDATORY, 1, "the report of unroutable messages")
            try set(ZMQ_ROUTER_HANDOVER, options.acceptsHandover ? 1 : 0, "the handover of identities")
        case .dealer(let identity):
            try set(ZMQ_ROUTING_ID, identity.bytes, "identity")
            try set(ZMQ_IMMEDIATE, options.requiresConnection ? 1 : 0, "the need for a connection")
        case .publisher: break
        case .subscriber(let topics):
            for topic in topics { try set(ZMQ_SUBSCRIBE, Array(topic.utf8), "topic") }
        }
    }

    private borrowing func apply(_ security: Security) throws(MessagingError) {
        switch security {
        case .none: break
        case .curveServer(let keys, let domain):
            try set(ZMQ_CURVE_SERVER, 1, "the CURVE role")
            if !domain.isEmpty { try set(ZMQ_ZAP_DOMAIN, Array(domain.utf8), "the domain") }
            try set(ZMQ_CURVE_SECRETKEY, Self.text(keys.secretKey), "CURVE secret key")
        case .curveClient(let keys, let serverKey):
            try set(ZMQ_CURVE_SERVERKEY, Self.text(serverKey), "CURVE server key")
            try set(ZMQ_CURVE_PUBLICKEY, Self.text(keys.publicKey), "CURVE public key")
            try set(ZMQ_CURVE_SECRETKEY, Self.text(keys.secretKey), "CURVE secret key")
        }
    }

    /// libzmq takes Z85 keys with the zero at the end.
    private static func text(_ key: String) -> [UInt8] { Array(key.utf8) + [0] }

    borrowing func apply(_ change: SocketChange) throws(MessagingError) {
        switch change {
        case .connect(let endpoint): try connect(endpoint)
        case .subscribe(let topic): try set(ZMQ_SUBSCRIBE, Array(topic.utf8), "topic")
        case .unsubscribe(let topic): try set(ZMQ_UNSUBSCRIBE, Array(topic.utf8), "topic")
        }
    }
}
