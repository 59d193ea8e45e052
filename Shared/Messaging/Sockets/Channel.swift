import Synchronization

/// What the user's side and the socket thread share of one socket.
final class ChannelState: Sendable {
    let options: SocketOptions
    let receiver: Receiver
    let onEvent: (@Sendable (SocketEvent) -> Void)?
    let inbox: Inbox
    let outbox: Outbox
    let counters = Mutex(SocketStatistics())

    init(
        id: ChannelID, role: SocketRole, options: SocketOptions, link: ShapedLink?, receiver: Receiver,
        onEvent: (@Sendable (SocketEvent) -> Void)?, mailbox: Mailbox
    ) {
        self.options = options
        self.receiver = receiver
        self.onEvent = onEvent
        inbox = Inbox(limit: options.receiveQueue) { mailbox.post(.resumeReading(id)) }
        outbox = Outbox(bounds: LaneBounds(options, role: role), link: link) { mailbox.post(.flush(id)) }
    }

    func report(_ event: SocketEvent) {
        counters.withLock { counters in
            switch event {
            case .unroutable(_, let messages): counters.unroutableMessages += messages.count
            case .stalled(_, let count): counters.stalledMessages += count
            case .tooManyFrames: counters.tooManyFrames += 1
            case .sendFailed: counters.failedMessages += 1
            case .handshakeFailed: counters.failedHandshakes += 1
            case .connected, .disconnected, .closed: break
            }
        }
        onEvent?(event)
    }

    /// Ends the sequence after what is buffered, and fails everybody who waits to send.
    func beginClose() {
        inbox.finish()
        outbox.close()
    }
}

/// The user's side of one socket; the last reference closes it.
final class Channel: Sendable {
    let id: ChannelID
    let endpoint: String
    let state: ChannelState
    /// Keeps the thread running as long as one of its sockets is in use.
    let thread: SocketThread

    private init(id: ChannelID, endpoint: String, state: ChannelState, thread: SocketThread) {
        self.id = id
        self.endpoint = endpoint
        self.state = state
        self.thread = thread
    }

    deinit { thread.mailbox.post(.close(id, nil)) }

    /// Has the socket thread open a socket.
    static func open(
        _ role: SocketRole, endpoint: String, options: SocketOptions, link: ShapedLink? = nil,
        receiver: Receiver, onEvent: (@Sendable (SocketEvent) -> Void)?, on thread: SocketThread
    ) async throws(MessagingError) -> Channel {
        let id = ChannelID.next()
        let state = ChannelState(
            id: id, role: role, options: options, link: link, receiver: receiver, onEvent: onEvent,
            mailbox: thread.mailbox)
        let result: Result<String, MessagingError> = await withCheckedContinuation { continuation in
            let request = OpenRequest(id: id, role: role, endpoint: endpoint, state: state) {
                continuation.resume(returning: $0)
            }
            thread.mailbox.post(.open(request))
        }
        return Channel(id: id, endpoint: try result.get(), state: state, thread: thread)
    }

    func perform(_ change: SocketChange) async throws(MessagingError) {
        let result: Result<Void, MessagingError> = await withCheckedContinuation { continuation in
            thread.mailbox.post(.change(id, change) { continuation.resume(returning: $0) })
        }
        try result.get()
    }

    func close() async {
        await withCheckedContinuation { continuation in
            thread.mailbox.post(.close(id) { continuation.resume() })
        }
    }

    func setReading(_ isReading: Bool) { thread.mailbox.post(.setReading(id, isReading)) }

    var statistics: SocketStatistics {
        var result = state.counters.withLock { $0 }
        (result.queuedMessages, result.queuedBytes, result.refusedMessages) = state.outbox.occupancy
        return result
    }
}
