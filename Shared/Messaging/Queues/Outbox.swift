import Synchronization

/// Messages on their way to the socket thread, one bounded lane per peer on a ROUTER, else one lane.
///
/// Nobody waits for room in a ROUTER's lanes: one peer would hold up who serves them all. Elsewhere who sends into the full
/// lane waits in line, so that order is kept.
final class Outbox: Sendable {
    private struct Waiter {
        let id: UInt64
        let item: Lanes.Item
        let continuation: CheckedContinuation<MessagingError?, Never>
    }

    private struct State {
        var lanes: Lanes
        /// For the only lane.
        var waiting = FIFO<Waiter>()
        var nextWaiter: UInt64 = 0
        var refused = 0
        var isFlushPosted = false
        var isClosed = false
    }

    /// The lane of sockets that have only one.
    static let onlyLane = PeerIdentity(bytes: [])

    private let link: ShapedLink?
    private let onWork: @Sendable () -> Void
    private let state: Mutex<State>

    /// - Parameter onWork: called when there is something to send and the socket thread has not been told yet.
    init(bounds: LaneBounds, link: ShapedLink?, onWork: @escaping @Sendable () -> Void) {
        self.link = link
        self.onWork = onWork
        state = Mutex(State(lanes: Lanes(bounds: bounds)))
    }

    /// Messages and bytes that wait; offers that were refused because a queue was full.
    var occupancy: (messages: Int, bytes: Int, refused: Int) {
        state.withLock { ($0.lanes.messages + $0.waiting.count, $0.lanes.bytes, $0.refused) }
    }

    // MARK: The user's side

    func offer(_ frames: [Frame], to peer: PeerIdentity = onlyLane) -> SendOutcome {
        let item = Lanes.Item(frames)
        let (outcome, isNew) = state.withLock { state in
            let outcome = admit(item, to: peer, &state)
            if outcome == .queueFull { state.refused += 1 }
            return (outcome, outcome == .accepted && postFlush(&state))
        }
        if isNew { onWork() }
        return outcome
    }

    /// Sends into the only lane; waits while it is full.
    func send(_ frames: [Frame]) async throws(MessagingError) {
        let item = Lanes.Item(frames)
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        let error: MessagingError? = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                admit(Waiter(id: id, item: item, continuation: continuation))
            }
        } onCancel: {
            let waiters = state.withLock { $0.waiting.removeAll { $0.id == id } }
            for waiter in waiters { waiter.continuation.resume(returning: Self.cancelled) }
        }
        if let error { throw error }
    }

    private func admit(_ waiter: Waiter) {
        enum Next {
            case resume(MessagingError?)
            case stay
        }
        let (next, isNew): (Next, Bool) = state.withLock { state in
            switch admit(waiter.item, to: Self.onlyLane, &state) {
            case .accepted: return (.resume(nil), postFlush(&state))
            case .closed: return (.resume(MessagingError(.closed, "the socket is closed")), false)
            case .queueFull:
                // Under the same lock as the registration: see `Inbox.take`.
                if Task.isCancelled { return (.resume(Self.cancelled), false) }
                state.waiting.append(waiter)
                return (.stay, false)
            }
        }
        if isNew { onWork() }
        if case .resume(let error) = next { waiter.continuation.resume(returning: error) }
    }

    private static var cancelled: MessagingError { MessagingError(.cancelled, "sending was cancelled") }

    private func admit(_ item: Lanes.Item, to peer: PeerIdentity, _ state: inout State) -> SendOutcome {
        if state.isClosed { return .closed }
        guard state.waiting.isEmpty, state.lanes.makeRoom(for: peer) else { return .queueFull }
        append(item, to: peer, &state)
        return .accepted
    }

    private func append(_ item: Lanes.Item, to peer: PeerIdentity, _ state: inout State) {
        var item = item
        item.deliverAt = link?.reserve(byteCount: item.byteCount, at: .now)
        state.lanes.append(item, to: peer)
    }

    private func postFlush(_ state: inout State) -> Bool {
        defer { state.isFlushPosted = true }
        return !state.isFlushPosted
    }

    // MARK: The socket thread's side

    /// What has happened to the lanes; from now on new work is announced again.
    func beginFlush() -> Lanes.News {
        state.withLock { state in
            state.isFlushPosted = false
            return state.lanes.takeNews()
        }
    }

    /// The message to send next.
    func first(of peer: PeerIdentity) -> Lanes.Item? { state.withLock { $0.lanes.first(of: peer) } }

    /// libzmq has no room for the first message.
    func block(_ peer: PeerIdentity) { state.withLock { $0.lanes.block(peer) } }

    /// The first message has left; admits those who wait.
    func removeFirst(of peer: PeerIdentity) {
        let admitted: [Waiter] = state.withLock { state in
            state.lanes.removeFirst(of: peer)
            var admitted: [Waiter] = []
            while !state.waiting.isEmpty, state.lanes.makeRoom(for: peer), let waiter = state.waiting.popFirst() {
                append(waiter.item, to: peer, &state)
                admitted.append(waiter)
            }
            return admitted
        }
        for waiter in admitted { waiter.continuation.resume(returning: nil) }
    }

    /// Empties a lane whose peer is gone or does not read; gives back what was in it.
    func discard(_ peer: PeerIdentity) -> [Lanes.Item] { state.withLock { $0.lanes.remove(peer) } }

    var isEmpty: Bool { state.withLock { $0.lanes.isEmpty } }

    /// Takes nothing more; those who wait fail. What is queued stays for the socket thread.
    func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            return state.waiting.removeAll { _ in true }
        }
        for waiter in waiters {
            waiter.continuation.resume(returning: MessagingError(.closed, "the socket was closed"))
        }
    }
}
