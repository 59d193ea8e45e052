import Messaging
import Protocol
import Synchronization

/// Requests that wait for their replies: exactly one of reply, timeout, cancellation or closing resumes each.
final class PendingReplies: Sendable {
    private struct State {
        var waiting: [String: CheckedContinuation<WireMessage, any Error>] = [:]
        /// Messages that were sent before anybody waits, with the replies that have come.
        var expected: [String: WireMessage?] = [:]
        var closed = false
    }

    private let state = Mutex(State())

    /// A reply to message `id` may come from now on; `reply` must be called for it.
    func expect(_ id: String) { state.withLock { $0.expected[id] = .some(nil) } }

    /// Waits for the reply to message `id`; `send` is called once the reply is expected, and cancelled with the wait, so that
    /// requests to a peer that is away do not pile up in front of its queue.
    func reply(
        to id: String, timeout: Duration, what: String, send: @escaping @Sendable () async throws -> Void
    ) async throws -> WireMessage {
        let timer = Task {
            try await Task.sleep(for: timeout)
            self.fail(id, RuntimeError(.timedOut, "no reply to \(what) within \(timeout)", isRetriable: true))
        }
        var sending: Task<Void, Never>?
        defer {
            timer.cancel()
            sending?.cancel()
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (closed, early) = state.withLock { state -> (Bool, WireMessage?) in
                    let early = state.expected.removeValue(forKey: id) ?? nil
                    if !state.closed, early == nil { state.waiting[id] = continuation }
                    return (state.closed, early)
                }
                if let early { return continuation.resume(returning: early) }
                if closed {
                    continuation.resume(throwing: RuntimeError(.closed, "the socket is closed"))
                    return
                }
                if Task.isCancelled { return fail(id, CancellationError()) }
                sending = Task {
                    do { try await send() } catch { self.fail(id, error) }
                }
            }
        } onCancel: {
            fail(id, CancellationError())
        }
    }

    /// Hands a reply to the waiting request; `false` where none waits.
    func resolve(_ message: WireMessage) -> Bool {
        guard let id = message.envelope.replyTo else { return false }
        let (continuation, isExpected) = state.withLock { state in
            if state.expected[id] != nil { state.expected[id] = message }
            return (state.waiting.removeValue(forKey: id), state.expected[id] != nil)
        }
        continuation?.resume(returning: message)
        return continuation != nil || isExpected
    }

    /// Fails everything that waits, now and later.
    func close() {
        let waiting = state.withLock { state in
            state.closed = true
            defer { state.waiting = [:] }
            return state.waiting
        }
        for continuation in waiting.values {
            continuation.resume(throwing: RuntimeError(.closed, "the socket is closed"))
        }
    }

    private func fail(_ id: String, _ error: any Error) {
        state.withLock { $0.waiting.removeValue(forKey: id) }?.resume(throwing: error)
    }
}
