import Synchronization

/// The socket thread's side of one socket.
final class LoopChannel {
    /// Messages handled for one socket before the others have their turn.
    private static let turn = 256
    /// Waits before a ROUTER tries a peer again whose queue in libzmq is full; libzmq does not tell when there is room.
    private static let retryDelays: ClosedRange<Duration> = .milliseconds(1) ... .milliseconds(16)

    let id: ChannelID
    let role: SocketRole
    let state: ChannelState
    let socket: Socket
    let monitor: ConnectionMonitor?
    /// The user wants messages.
    var isReading = true
    /// Sending has to wait until libzmq has room.
    private(set) var isBlocked = false
    /// When to flush again without being asked.
    private(set) var wakeAt: ContinuousClock.Instant?
    /// When closing gives up; set once closing has begun.
    private(set) var closingDeadline: ContinuousClock.Instant?
    private var onClosed: [@Sendable () -> Void] = []
    private var retryDelay = retryDelays.lowerBound

    /// Opens, sets, binds or connects.
    init(_ request: OpenRequest, context: ContextCore) throws(MessagingError) {
        id = request.id
        role = request.role
        state = request.state
        let socket = try context.makeSocket(role.type)
        try socket.apply(state.options, role: role)
        monitor =
            state.options.monitorsConnections
            ? try ConnectionMonitor(of: socket, id: request.id, context: context) : nil
        if role.binds { try socket.bind(request.endpoint) } else { try socket.connect(request.endpoint) }
        self.socket = socket
    }

    private var isRouter: Bool {
        if case .router = role { true } else { false }
    }

    private var isClosing: Bool { closingDeadline != nil }

    /// Whether the socket is to be read. A PUB has nothing to read, but takes subscriptions while it is polled.
    var wantsToRead: Bool { isReading && !isClosing && state.inbox.hasRoom }

    /// Whether the socket is to be polled for room; a ROUTER is tried again by time.
    var wantsToWrite: Bool { isBlocked && !isRouter }

    // MARK: Receiving

    func receive() {
        for _ in 0..<Self.turn {
            guard wantsToRead else { return }
            // The routing id or topic comes on top of the frames that count.
            switch socket.receive(maximumFrames: state.options.maximumFrames + prefixFrames) {
            case .nothing: return
            case .tooManyFrames(let first, let count):
                let peer = isRouter ? PeerIdentity(bytes: first.bytes) : nil
                state.report(.tooManyFrames(peer: peer, count: count - prefixFrames))
            case .message(let frames): deliver(frames)
            }
        }
    }

    private var prefixFrames: Int {
        switch role {
        case .router, .subscriber: 1
        case .dealer, .publisher: 0
        }
    }

    private func deliver(_ frames: [Frame]) {
        var message = Message(frames: frames)
        switch role {
        case .router:
            message.peer = PeerIdentity(bytes: frames[0].bytes)
            message.frames = Array(frames.dropFirst())
        case .subscriber:
            message.topic = String(decoding: frames[0].bytes, as: UTF8.self)
            message.frames = Array(frames.dropFirst())
        case .dealer, .publisher: break
        }
        let byteCount = message.byteCount
        state.counters.withLock {
            $0.receivedMessages += 1
            $0.receivedBytes += byteCount
        }
        switch state.receiver {
        case .sequence: _ = state.inbox.push(message)
        case .handler(let handler): handler(message)
        }
    }

    func reportConnections() {
        while let event = monitor?.next() { state.report(event) }
    }

    // MARK: Sending

    /// Hands over what is due until libzmq has no room.
    func flush(at now: ContinuousClock.Instant) {
        isBlocked = false
        wakeAt = nil
        for lane in state.outbox.beginFlush() { flush(lane, at: now) }
        if isBlocked, isRouter {
            wake(at: now + retryDelay)
            retryDelay = min(retryDelay * 2, Self.retryDelays.upperBound)
        } else {
            retryDelay = Self.retryDelays.lowerBound
        }
    }

    private func flush(_ lane: PeerIdentity, at now: ContinuousClock.Instant) {
        for _ in 0..<Self.turn {
            guard let item = state.outbox.first(of: lane) else { return }
            if let deliverAt = item.deliverAt, deliverAt > now { return wake(at: deliverAt) }
            switch socket.send(identity: isRouter ? lane.bytes : nil, frames: item.frames) {
            case .sent:
                state.counters.withLock {
                    $0.sentMessages += 1
                    $0.sentBytes += item.byteCount
                }
                state.outbox.removeFirst(of: lane)
            case .wouldBlock:
                isBlocked = true
                return
            case .unroutable:
                let messages = state.outbox.discard(lane).map { Message(peer: lane, frames: $0) }
                return state.report(.unroutable(peer: lane, messages: messages))
            case .failed(let error):
                state.outbox.removeFirst(of: lane)
                state.report(.sendFailed(peer: isRouter ? lane : nil, error: error))
            }
        }
        wake(at: now)
    }

    private func wake(at instant: ContinuousClock.Instant) {
        wakeAt = wakeAt.map { min($0, instant) } ?? instant
    }

    // MARK: Closing

    func beginClose(at now: ContinuousClock.Instant, _ done: (@Sendable () -> Void)?) {
        if let done { onClosed.append(done) }
        guard !isClosing else { return }
        closingDeadline = now + state.options.linger
        state.beginClose()
    }

    /// Whether closing has begun and there is nothing left to wait for.
    func isFinished(at now: ContinuousClock.Instant) -> Bool {
        guard let closingDeadline else { return false }
        return now >= closingDeadline || state.outbox.isEmpty
    }

    /// Tells everybody that the socket is closed; releasing the channel closes it.
    func end(at now: ContinuousClock.Instant) {
        if let closingDeadline { socket.linger(max(.zero, now.duration(to: closingDeadline))) }
        state.report(.closed)
    }

    /// Answers those who wait for the end, after the socket has been released.
    func takeClosedHandlers() -> [@Sendable () -> Void] { onClosed }
}
