import Messaging
import Protocol
import Synchronization

/// Requests that wait for their replies: exactly one of reply, timeout, cancellation or closing resumes each.
///
/// One timer serves all of them: a service that only exchanges heartbeats would spend more on timers that end unused than on
/// anything else.
final class PendingReplies: Sendable {
    private struct Waiting {
        let continuation: CheckedContinuation<WireMessage, any Error>
        let deadline: ContinuousClock.Instant
        /// What the error says where the deadline passes.
        let failure: @Sendable () -> RuntimeError
    }

    private struct State {
        var waiting: [String: Waiting] = [:]
        /// Messages that were sent before anybody waits, with the replies that have come.
        var expected: [String: WireMessage?] = [:]
        var closed = false
        /// When the timer goes off; the deadlines of all that wait are not before.
        var wakeAt: ContinuousClock.Instant?
    }

    private let state = Mutex(State())
    private let clock: SocketClock
    private let executor: any TaskExecutor

    /// Makes an empty table with its timer on a thread, which is not kept for it.
    init(on thread: SocketThread) {
        clock = thread.clock
        executor = thread.executor
    }

    /// A reply to message `id` may come from now on; `reply` must be called for it.
    func expect(_ id: String) { state.withLock { $0.expected[id] = .some(nil) } }

    /// Waits for the reply to message `id`. Once the reply is expected `trySend` is called, and where it says that there is no room,
    /// `send`, which is cancelled with the wait, so that requests to a peer that is away do not pile up in front of its queue.
    func reply(
        to id: String, timeout: Duration, what: String, trySend: @Sendable () -> Bool = { false },
        send: @escaping @Sendable () async throws -> Void
    ) async throws -> WireMessage {
        var sending: Task<Void, Never>?
        defer { sending?.cancel() }
        let deadline = ContinuousClock.now + timeout
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let waiting = Waiting(continuation: continuation, deadline: deadline) {
                    RuntimeError(.timedOut, "no reply to \(what) within \(timeout)", isRetriable: true)
                }
                let (closed, early, isFirst) = state.withLock { state -> (Bool, WireMessage?, Bool) in
                    let early = state.expected.removeValue(forKey: id) ?? nil
                    guard !state.closed, early == nil else { return (state.closed, early, false) }
                    state.waiting[id] = waiting
                    let isFirst = state.wakeAt.map { deadline < $0 } ?? true
                    if isFirst { state.wakeAt = deadline }
                    return (false, nil, isFirst)
                }
                if let early { return continuation.resume(returning: early) }
                if closed {
                    continuation.resume(throwing: RuntimeError(.closed, "the socket is closed"))
                    return
                }
                if isFirst { wake(at: deadline) }
                if Task.isCancelled { return fail(id, CancellationError()) }
                if trySend() { return }
                sending = Task {
                    do { try await send() } catch { self.fail(id, error) }
                }
            }
        } onCancel: {
            fail(id, CancellationError())
        }
    }

    private func wake(at instant: ContinuousClock.Instant) {
        Task(executorPreference: executor) { [weak self, clock] in
            try? await clock.sleep(until: instant)
            self?.failLate(at: instant)
        }
    }

    /// Fails those whose deadline has passed, and sets the timer for the others.
    private func failLate(at instant: ContinuousClock.Instant) {
        let (late, next) = state.withLock { state -> ([Waiting], ContinuousClock.Instant?) in
            // One that was set for earlier has taken the place of this one.
            guard state.wakeAt == instant else { return ([], nil) }
            let now = ContinuousClock.now
            let late = state.waiting.filter { $0.value.deadline <= now }
            for id in late.keys { state.waiting[id] = nil }
            state.wakeAt = state.waiting.values.map(\.deadline).min()
            return (Array(late.values), state.wakeAt)
        }
        for waiting in late { waiting.continuation.resume(throwing: waiting.failure()) }
        if let next { wake(at: next) }
    }

    /// Hands a reply to the waiting request; `false` where none waits.
    func resolve(_ message: WireMessage) -> Bool {
        guard let id = message.envelope.replyTo else { return false }
        let (waiting, isExpected) = state.withLock { state in
            if state.expected[id] != nil { state.expected[id] = message }
            return (state.waiting.removeValue(forKey: id), state.expected[id] != nil)
        }
        waiting?.continuation.resume(returning: message)
        return waiting != nil || isExpected
    }

    /// Fails everything that waits, now and later.
    func close() {
        let waiting = state.withLock { state in
            state.closed = true
            defer { state.waiting = [:] }
            return state.waiting
        }
        for request in waiting.values {
            request.continuation.resume(throwing: RuntimeError(.closed, "the socket is closed"))
        }
    }

    private func fail(_ id: String, _ error: any Error) {
        state.withLock { $0.waiting.removeValue(forKey: id) }?.continuation.resume(throwing: error)
    }
}
