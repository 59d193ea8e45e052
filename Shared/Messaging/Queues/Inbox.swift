import Synchronization

/// Received messages on their way from the socket thread to the tasks that consume them; bounded by stopping to read.
final class Inbox: Sendable {
    private typealias Waiter = (id: UInt64, continuation: CheckedContinuation<Message?, Never>)

    private struct State {
        var buffer = FIFO<Message>()
        var bytes = 0
        var waiters = FIFO<Waiter>()
        var nextWaiter: UInt64 = 0
        /// The socket thread has stopped reading because the bound was reached.
        var isPaused = false
        var isFinished = false
    }

    private let limit: QueueLimit
    private let onRoom: @Sendable () -> Void
    private let state = Mutex(State())

    /// - Parameter onRoom: called when a paused inbox is half empty again.
    init(limit: QueueLimit, onRoom: @escaping @Sendable () -> Void) {
        self.limit = limit
        self.onRoom = onRoom
    }

    /// Whether the socket thread may read on.
    var hasRoom: Bool { state.withLock { !$0.isPaused } }

    /// Takes a message; `false` when the bound is reached and reading has to stop until `onRoom`.
    func push(_ message: Message) -> Bool {
        let size = message.byteCount
        let (waiter, mayContinue): (Waiter?, Bool) = state.withLock { state in
            if let waiter = state.waiters.popFirst() { return (waiter, true) }
            state.buffer.append(message)
            state.bytes += size
            state.isPaused = limit.isReached(messages: state.buffer.count, bytes: state.bytes)
            return (nil, !state.isPaused)
        }
        waiter?.continuation.resume(returning: message)
        return mayContinue
    }

    func finish() {
        let waiters = state.withLock { state in
            state.isFinished = true
            return state.waiters.removeAll { _ in true }
        }
        for waiter in waiters { waiter.continuation.resume(returning: nil) }
    }

    /// The next message; `nil` after the end or when the task is cancelled.
    func next() async -> Message? {
        switch take() {
        case .message(let message): return message
        case .end: return nil
        case .wait: break
        }
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                switch take(waiter: (id, continuation)) {
                case .message(let message): continuation.resume(returning: message)
                case .end: continuation.resume(returning: nil)
                case .wait: break
                }
            }
        } onCancel: {
            let waiters = state.withLock { $0.waiters.removeAll { $0.id == id } }
            for waiter in waiters { waiter.continuation.resume(returning: nil) }
        }
    }

    private enum Taken {
        case message(Message)
        case end
        /// Nothing is there; the waiter, if one was given, is registered.
        case wait
    }

    private func take(waiter: Waiter? = nil) -> Taken {
        let (taken, hasNewRoom): (Taken, Bool) = state.withLock { state in
            // Under the same lock as the registration: a cancellation before it is seen here, one after it finds the waiter.
            if Task.isCancelled { return (.end, false) }
            guard let message = state.buffer.popFirst() else {
                if state.isFinished { return (.end, false) }
                if let waiter { state.waiters.append(waiter) }
                return (.wait, false)
            }
            state.bytes -= message.byteCount
            let isHalfEmpty = state.buffer.count <= limit.messages / 2 && state.bytes <= limit.bytes / 2
            guard state.isPaused, isHalfEmpty else { return (.message(message), false) }
            state.isPaused = false
            return (.message(message), true)
        }
        if hasNewRoom { onRoom() }
        return taken
    }
}
