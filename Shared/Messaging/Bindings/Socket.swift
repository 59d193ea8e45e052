import CZeroMQ
import Glibc

/// A socket of libzmq: owned by one thread, closed exactly once. The only type that calls libzmq's socket functions.
@safe struct Socket: ~Copyable {
    /// What became of one attempt to send.
    enum SendResult {
        case sent
        case wouldBlock
        case unroutable
        case failed(MessagingError)
    }

    /// What one attempt to receive gave.
    enum ReceiveResult {
        /// All frames, and the public key of who sent them, where the connection has one and it was asked for.
        case message([Frame], user: String?)
        case tooManyFrames(first: Frame, count: Int)
        case nothing
    }

    private let raw: UnsafeMutableRawPointer

    init(taking raw: UnsafeMutableRawPointer) { unsafe self.raw = unsafe raw }

    deinit { unsafe zmq_close(raw) }

    // MARK: Set-up

    borrowing func set(_ option: Int32, _ value: Int, _ name: String) throws(MessagingError) {
        let result =
            if option == ZMQ_MAXMSGSIZE {
                unsafe withUnsafePointer(to: Int64(value)) {
                    unsafe zmq_setsockopt(raw, option, $0, MemoryLayout<Int64>.size)
                }
            } else {
                unsafe withUnsafePointer(to: Int32(clamping: value)) {
                    unsafe zmq_setsockopt(raw, option, $0, MemoryLayout<Int32>.size)
                }
            }
        guard result == 0 else { throw .last(.badOption, "\(name) cannot be \(value)") }
    }

    borrowing func set(_ option: Int32, _ value: [UInt8], _ name: String) throws(MessagingError) {
        guard unsafe zmq_setsockopt(raw, option, value, value.count) == 0 else {
            throw .last(.badOption, "libzmq does not accept this \(name)")
        }
    }

    borrowing func bind(_ endpoint: String) throws(MessagingError) {
        try Endpoint.check(endpoint)
        guard unsafe zmq_bind(raw, endpoint) == 0 else { throw .endpoint("cannot bind \(endpoint)") }
    }

    /// Binds where libzmq can, and for the name of a host, which it does not look up to bind, at all its addresses:
    /// peers that look it up may find any of them.
    borrowing func bindByName(_ endpoint: String) throws(MessagingError) {
        let failure: MessagingError
        do throws(MessagingError) {
            try bind(endpoint)
            return
        } catch {
            failure = error
        }
        guard failure.code == .badEndpoint else { throw failure }
        var last = failure
        var port: Substring?
        for candidate in HostAddresses.endpoints(for: endpoint) {
            var address = candidate.endpoint
            // Where any port will do, all addresses get the one that the first has found.
            if let port, address.hasSuffix(":*") { address = String(address.dropLast() + port) }
            try set(ZMQ_IPV6, candidate.isIPv6 ? 1 : 0, "IPv6")
            do throws(MessagingError) {
                try bind(address)
                port = lastEndpoint().flatMap { text in text.lastIndex(of: ":").map { text[text.index(after: $0)...] } }
            } catch {
                // A name may have addresses of a family that this machine does not use.
                guard error.code == .badEndpoint else { throw error }
                last = error
            }
        }
        guard port != nil else { throw last }
    }

    borrowing func connect(_ endpoint: String) throws(MessagingError) {
        try Endpoint.check(endpoint)
        guard unsafe zmq_connect(raw, endpoint) == 0 else { throw .endpoint("cannot connect to \(endpoint)") }
    }

    /// The endpoint that was bound or connected last, with the real port.
    borrowing func lastEndpoint() -> String? {
        var text = [UInt8](repeating: 0, count: 1024)
        var size = text.count
        guard unsafe zmq_getsockopt(raw, ZMQ_LAST_ENDPOINT, &text, &size) == 0, size > 0 else { return nil }
        return String(decoding: text.prefix(size - 1), as: UTF8.self)
    }

    borrowing func monitor(at endpoint: String, events: Int32) throws(MessagingError) {
        guard unsafe zmq_socket_monitor(raw, endpoint, events) == 0 else {
            throw .last(.exhausted, "cannot monitor the socket")
        }
    }

    /// How long messages handed over may still leave after closing.
    borrowing func linger(_ duration: Duration) {
        var milliseconds = Int32(clamping: duration.milliseconds)
        unsafe zmq_setsockopt(raw, ZMQ_LINGER, &milliseconds, MemoryLayout<Int32>.size)
    }

    borrowing func pollItem(events: Int32) -> zmq_pollitem_t {
        unsafe zmq_pollitem_t(socket: raw, fd: 0, events: Int16(events), revents: 0)
    }

    // MARK: Messages

    /// Sends a whole message or nothing; never blocks.
    ///
    /// - Parameter identity: the frame in front that a ROUTER takes as the peer.
    borrowing func send(identity: [UInt8]?, frames: [Frame]) -> SendResult {
        if let identity {
            let result = sendPart(OutgoingPart(copying: identity), isLast: false)
            guard case .sent = result else { return result }
        }
        for (index, frame) in frames.enumerated() {
            let isLast = index == frames.count - 1
            let result = sendPart(OutgoingPart(frame), isLast: isLast)
            if case .sent = result { continue }
            guard index > 0 || identity != nil else { return result }
            // The connection ended in the middle. libzmq has taken the message back and ignores the rest of it; its end has
            // to be marked so that the next message is not taken for that rest.
            if !isLast { _ = sendPart(OutgoingPart(copying: []), isLast: true) }
            return result
        }
        return .sent
    }

    private borrowing func sendPart(_ part: consuming OutgoingPart, isLast: Bool) -> SendResult {
        guard part.isValid else { return .failed(MessagingError(.exhausted, "no memory for a frame")) }
        guard unsafe !part.send(to: raw, flags: ZMQ_DONTWAIT | (isLast ? 0 : ZMQ_SNDMORE)) else { return .sent }
        switch zmq_errno() {
        case EAGAIN, EINTR: return .wouldBlock
        case EHOSTUNREACH: return .unroutable
        default: return .failed(.last(.transport, "cannot send"))
        }
    }

    /// What waiting gave.
    enum Readiness {
        case readable
        case nothing
        case ended
    }

    /// Blocks for a while until a message is there; `ended` when the context terminates.
    borrowing func wait() -> Readiness {
        var item = unsafe pollItem(events: Int32(ZMQ_POLLIN))
        let count = unsafe zmq_poll(&item, 1, 1000)
        if count > 0 { return .readable }
        return count < 0 && zmq_errno() == ETERM ? .ended : .nothing
    }

    /// Receives a whole message if one is there; never blocks.
    ///
    /// - Parameter readsUser: whether to read who the connection was authenticated as.
    borrowing func receive(maximumFrames: Int, readsUser: Bool = false) -> ReceiveResult {
        var frames: [Frame] = []
        var count = 0
        var user: String?
        while true {
            let part = IncomingPart()
            guard unsafe part.receive(from: raw) else {
                // libzmq hands over whole messages: nothing is there, and at the first part only.
                return .nothing
            }
            count += 1
            if readsUser, user == nil { user = part.user }
            let hasMore = part.hasMore
            if count <= maximumFrames { frames.append(part.frame()) }
            if !hasMore { break }
        }
        guard count > maximumFrames, let first = frames.first else { return .message(frames, user: user) }
        return .tooManyFrames(first: first, count: count)
    }
}
