import Synchronization

/// Messages on their way to the socket thread, one bounded lane per peer on a ROUTER, else one lane.
///
/// Who sends into a full lane waits in line, so that order is kept.
final class Outbox: Sendable {
    struct Item: Sendable {
        let frames: [Frame]
        let byteCount: Int
        /// Emulated arrival over a shaped link; not handed over before.
        var deliverAt: ContinuousClock.Instant?
    }

    private struct Waiter {
        let id: UInt64
        let item: Item
        let continuation: CheckedContinuation<MessagingError?, Never>
    }

    private struct Lane {
        var queue = FIFO<Item>()
        var bytes = 0
        var waiting = FIFO<Waiter>()
    }

    private struct State {
        var lanes: [PeerIdentity: Lane] = [:]
        var nextWaiter: UInt64 = 0
        var isFlushPosted = false
        var isClosed = false
    }

    /// The lane of sockets that have only one.
    static let onlyLane = PeerIdentity(bytes: [])

    private let limit: QueueLimit
    private let link: ShapedLink?
    private let onWork: @Sendable () -> Void
    private let state = Mutex(State())

    /// - Parameter onWork: called when there is something to send and the socket thread has not been told yet.
    init(limit: QueueLimit, link: ShapedLink?, onWork: @escaping @Sendable () -> Void) {
        self.limit = limit
        self.link = link
        self.onWork = onWork
    }

    /// Messages and bytes that wait.
    var occupancy: (messages: Int, bytes: Int) {
        state.withLock { state in
            state.lanes.values.reduce((0, 0)) { ($0.0 + $1.queue.count + $1.waiting.count, $0.1 + $1.bytes) }
        }
    }

    // MARK: The user's side

    func offer(_ frames: [Frame], to peer: PeerIdentity = onlyLane) -> SendOutcome {
        let item = Self.item(frames)
        let (outcome, isNew) = state.withLock { state in
            let outcome = admit(item, to: peer, &state)
            return (outcome, outcome == .accepted && postFlush(&state))
        }
        if isNew { onWork() }
        return outcome
    }

    func send(_ frames: [Frame], to peer: PeerIdentity = onlyLane) async throws(MessagingError) {
        switch offer(frames, to: peer) {
        case .accepted: return
        case .closed: throw MessagingError(.closed, "the socket is closed")
        case .queueFull: break
        }
        let item = Self.item(frames)
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        let error: MessagingError? = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                wait(Waiter(id: id, item: item, continuation: continuation), for: peer)
            }
        } onCancel: {
            let waiters = state.withLock { $0.lanes[peer]?.waiting.removeAll { $0.id == id } ?? [] }
            for waiter in waiters { waiter.continuation.resume(returning: Self.cancelled) }
        }
        if let error { throw error }
    }

    private func wait(_ waiter: Waiter, for peer: PeerIdentity) {
        enum Next { case resume(MessagingError?), stay }
        let (next, isNew): (Next, Bool) = state.withLock { state in
            // Under the same lock as the registration: see `Inbox.take`.
            if Task.isCancelled { return (.resume(Self.cancelled), false) }
            switch admit(waiter.item, to: peer, &state) {
            case .accepted: return (.resume(nil), postFlush(&state))
            case .closed: return (.resume(MessagingError(.closed, "the socket is closed")), false)
            case .queueFull:
                state.lanes[peer, default: Lane()].waiting.append(waiter)
                return (.stay, false)
            }
        }
        if isNew { onWork() }
        if case .resume(let error) = next { waiter.continuation.resume(returning: error) }
    }

    private static var cancelled: MessagingError { MessagingError(.cancelled, "sending was cancelled") }

    private static func item(_ frames: [Frame]) -> Item {
        // A message needs one frame at least: without any, nothing would end it on the wire.
        let frames = frames.isEmpty ? [Frame([])] : frames
        return Item(frames: frames, byteCount: frames.reduce(0) { $0 + $1.count })
    }

    private func admit(_ item: Item, to peer: PeerIdentity, _ state: inout State) -> SendOutcome {
        if state.isClosed { return .closed }
        // The copy of the lane is taken out of the dictionary first, so that appending does not copy its array.
        var lane = state.lanes.removeValue(forKey: peer) ?? Lane()
        defer { state.lanes[peer] = lane }
        guard lane.waiting.isEmpty, !limit.isReached(messages: lane.queue.count, bytes: lane.bytes) else {
            return .queueFull
        }
        append(item, to: &lane)
        return .accepted
    }

    private func append(_ item: Item, to lane: inout Lane) {
        var item = item
        item.deliverAt = link?.reserve(byteCount: item.byteCount, at: .now)
        lane.bytes += item.byteCount
        lane.queue.append(item)
    }

    private func postFlush(_ state: inout State) -> Bool {
        defer { state.isFlushPosted = true }
        return !state.isFlushPosted
    }

    // MARK: The socket thread's side

    /// The lanes that hold something; from now on new work is announced again.
    func beginFlush() -> [PeerIdentity] {
        state.withLock { state in
            state.isFlushPosted = false
            return Array(state.lanes.keys)
        }
    }

    /// The message to send next.
    func first(of peer: PeerIdentity) -> Item? {
        state.withLock { $0.lanes[peer]?.queue.first }
    }

    /// The first message has left; admits those who wait.
    func removeFirst(of peer: PeerIdentity) {
        let admitted: [Waiter] = state.withLock { state in
            guard var lane = state.lanes.removeValue(forKey: peer) else { return [] }
            lane.bytes -= lane.queue.popFirst()?.byteCount ?? 0
            var admitted: [Waiter] = []
            while !limit.isReached(messages: lane.queue.count, bytes: lane.bytes),
                let waiter = lane.waiting.popFirst()
            {
                append(waiter.item, to: &lane)
                admitted.append(waiter)
            }
            if !lane.queue.isEmpty { state.lanes[peer] = lane }
            return admitted
        }
        for waiter in admitted { waiter.continuation.resume(returning: nil) }
    }

    /// Empties a lane whose peer is gone; gives back what was in it.
    func discard(_ peer: PeerIdentity) -> [[Frame]] {
        guard var lane = state.withLock({ $0.lanes.removeValue(forKey: peer) }) else { return [] }
        var messages: [[Frame]] = []
        while let item = lane.queue.popFirst() { messages.append(item.frames) }
        while let waiter = lane.waiting.popFirst() {
            messages.append(waiter.item.frames)
            waiter.continuation.resume(returning: nil)
        }
        return messages
    }

    var isEmpty: Bool { state.withLock { $0.lanes.values.allSatisfy { $0.queue.isEmpty } } }

    /// Takes nothing more; those who wait fail. What is queued stays for the socket thread.
    func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            var waiters: [Waiter] = []
            for peer in Array(state.lanes.keys) {
                waiters += state.lanes[peer]?.waiting.removeAll { _ in true } ?? []
            }
            return waiters
        }
        for waiter in waiters {
            waiter.continuation.resume(returning: MessagingError(.closed, "the socket was closed"))
        }
    }
}
