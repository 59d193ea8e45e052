import CZeroMQ

/// Reports what happens to a socket's connections, on the thread that owns the socket.
final class ConnectionMonitor {
    private static let failures =
        ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL

    let socket: Socket

    init(of monitored: borrowing Socket, id: ChannelID, context: ContextCore) throws(MessagingError) {
        let endpoint = "inproc://e2llm.monitor.\(id.value)"
        try monitored.monitor(
            at: endpoint, events: ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | Self.failures)
        socket = try context.makeSocket(ZMQ_PAIR)
        try socket.set(ZMQ_LINGER, 0, "the linger time")
        try socket.connect(endpoint)
    }

    /// The next event, if there is one.
    func next() -> SocketEvent? {
        while case .message(let frames, _) = socket.receive(maximumFrames: 2) {
            guard frames.count == 2, frames[0].count >= 2 else { continue }
            let bytes = frames[0].bytes
            let event = Int32(bytes[0]) | Int32(bytes[1]) << 8
            let address = String(decoding: frames[1].bytes, as: UTF8.self)
            switch event {
            case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: return .connected(address: address)
            case ZMQ_EVENT_DISCONNECTED: return .disconnected(address: address)
            case let failure where failure & Self.failures != 0: return .handshakeFailed(address: address)
            default: continue
            }
        }
        return nil
    }
}
