import CZeroMQ
import Synchronization

/// The socket thread's side of one socket.
final class LoopChannel {
    /// Messages handled for one socket before the others have their turn.
    private static let turn = 256
    /// Messages sent to one peer of a ROUTER before the others have their turn, and peers served before other sockets have.
    private static let peerTurn = (messages: 16, peers: 64)

    let id: ChannelID
    let role: SocketRole
    let state: ChannelState
    let socket: Socket
    let monitor: ConnectionMonitor?
    /// The user wants messages.
    var isReading = true
    /// Sending has to wait until libzmq has room; never so on a ROUTER, where single peers wait.
    private(set) var isBlocked = false
    /// When to flush again without being asked.
    private(set) var wakeAt: ContinuousClock.Instant?
    /// When closing gives up; set once closing has begun.
    private(set) var closingDeadline: ContinuousClock.Instant?
    private var onClosed: [@Sendable () -> Void] = []
    /// The peers of a ROUTER.
    private var turns: SendTurns

    /// Opens, sets, binds or connects.
    init(_ request: OpenRequest, context: ContextCore) throws(MessagingError) {
        id = request.id
        role = request.role
        state = request.state
        turns = SendTurns(stallLimit: request.state.options.stallLimit)
        let socket = try context.makeSocket(role.type)
        try socket.apply(state.options, role: role)
        if Endpoint.needsIPv6(request.endpoint, binds: role.binds) { try socket.set(ZMQ_IPV6, 1, "IPv6") }
        monitor =
            state.options.monitorsConnections
            ? try ConnectionMonitor(of: socket, id: request.id, context: context) : nil
        if role.binds { try socket.bindByName(request.endpoint) } else { try socket.connect(request.endpoint) }
        self.socket = socket
    }

    private var isRouter: Bool {
        if case .router = role { true } else { false }
    }

    private var isClosing: Bool { closingDeadline != nil }

    /// Whether the socket is to be read. A PUB has nothing to read, but takes subscriptions while it is polled.
    var wantsToRead: Bool { isReading && !isClosing && state.inbox.hasRoom }

    /// Whether the socket is to be polled for room; the peers of a ROUTER are tried again by time.
    var wantsToWrite: Bool { isBlocked }

    // MARK: Receiving

    func receive() {
        for _ in 0..<Self.turn {
            guard wantsToRead else { return }
            // The routing id or topic comes on top of the frames that count.
            switch socket.receive(
                maximumFrames: state.options.maximumFrames + prefixFrames, readsUser: state.options.security.isServer)
            {
            case .nothing: return
            case .tooManyFrames(let first, let count):
                let peer = isRouter ? PeerIdentity(bytes: first.bytes) : nil
                state.report(.tooManyFrames(peer: peer, count: count - prefixFrames))
            case .message(let frames, let user): deliver(frames, user)
            }
        }
    }

    private var prefixFrames: Int {
        switch role {
        case .router, .subscriber: 1
        case .dealer, .publisher: 0
        }
    }

    private func deliver(_ frames: [Frame], _ user: String?) {
        var message = Message(user: user, frames: frames)
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

    private enum Served {
        case empty
        case notDue(ContinuousClock.Instant)
        case wouldBlock
        case hasMore
    }

    /// Hands over what is due until libzmq has no room.
    func flush(at now: ContinuousClock.Instant) {
        isBlocked = false
        wakeAt = nil
        let news = state.outbox.beginFlush()
        if isRouter { return flushPeers(news, at: now) }
        switch serve(Outbox.onlyLane, limit: Self.turn, at: now) {
        case .empty: break
        case .notDue(let instant): wake(at: instant)
        case .wouldBlock: isBlocked = true
        case .hasMore: wake(at: now)
        }
    }

    /// Serves the peers in turns, so that none holds up another.
    private func flushPeers(_ news: Lanes.News, at now: ContinuousClock.Instant) {
        for (peer, count) in news.displaced {
            turns.forget(peer)
            state.report(.stalled(peer: peer, messageCount: count))
        }
        for peer in news.fresh { turns.add(peer) }
        turns.wakeDue(at: now)
        for _ in 0..<Self.peerTurn.peers {
            guard let peer = turns.next() else { break }
            switch serve(peer, limit: Self.peerTurn.messages, at: now) {
            // Only a DEALER sends over a shaped link.
            case .empty, .notDue: break
            case .hasMore: turns.again(peer)
            case .wouldBlock:
                state.outbox.block(peer)
                if turns.refused(peer, at: now) { continue }
                state.report(.stalled(peer: peer, messageCount: state.outbox.discard(peer).count))
            }
        }
        if turns.hasReady { wake(at: now) } else if let retry = turns.nextRetry { wake(at: retry) }
    }

    private func serve(_ lane: PeerIdentity, limit: Int, at now: ContinuousClock.Instant) -> Served {
        for _ in 0..<limit {
            guard let item = state.outbox.first(of: lane) else {
                turns.progressed(lane)
                return .empty
            }
            if let deliverAt = item.deliverAt, deliverAt > now { return .notDue(deliverAt) }
            switch socket.send(identity: isRouter ? lane.bytes : nil, frames: item.frames) {
            case .sent:
                state.counters.withLock {
                    $0.sentMessages += 1
                    $0.sentBytes += item.byteCount
                }
                state.outbox.removeFirst(of: lane)
            case .wouldBlock: return .wouldBlock
            case .unroutable:
                turns.progressed(lane)
                let messages = state.outbox.discard(lane).map { Message(peer: lane, frames: $0.frames) }
                state.report(.unroutable(peer: lane, messages: messages))
                return .empty
            case .failed(let error):
                state.outbox.removeFirst(of: lane)
                state.report(.sendFailed(peer: isRouter ? lane : nil, error: error))
            }
            turns.progressed(lane)
        }
        return .hasMore
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
