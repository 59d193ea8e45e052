import Synchronization

/// The tasks that wait for replies; every continuation that is added is resumed exactly once.
final class PendingReplies: Sendable {
    typealias Reply = Result<Message, MessagingError>

    /// Names one request; the serial keeps a late timer from failing a newer request of the same correlation.
    struct Key: Sendable {
        let correlation: String
        let serial: UInt64
    }

    private struct Entry {
        let serial: UInt64
        let continuation: CheckedContinuation<Reply, Never>
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var serial: UInt64 = 0
        var isClosed = false
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.entries.count } }

    func makeKey(_ correlation: String) -> Key {
        state.withLock { state in
            state.serial += 1
            return Key(correlation: correlation, serial: state.serial)
        }
    }

    /// Registers a task, or says why it cannot wait.
    func add(_ key: Key, _ continuation: CheckedContinuation<Reply, Never>) -> MessagingError? {
        state.withLock { state in
            if state.isClosed { return MessagingError(.closed, "the client is closed") }
            // The cancellation handler may have run before: it finds no entry then, but the task knows.
            if Task.isCancelled { return MessagingError(.cancelled, "the request \(key.correlation) was cancelled") }
            if state.entries[key.correlation] != nil {
                return MessagingError(.duplicateCorrelation, "\(key.correlation) is already waiting for its reply")
            }
            state.entries[key.correlation] = Entry(serial: key.serial, continuation: continuation)
            return nil
        }
    }

    /// Hands over a reply; `false` when nobody waits for it.
    func complete(_ correlation: String, _ reply: Reply) -> Bool {
        let entry = state.withLock { $0.entries.removeValue(forKey: correlation) }
        entry?.continuation.resume(returning: reply)
        return entry != nil
    }

    func fail(_ key: Key, _ error: MessagingError) {
        let entry: Entry? = state.withLock { state in
            guard state.entries[key.correlation]?.serial == key.serial else { return nil }
            return state.entries.removeValue(forKey: key.correlation)
        }
        entry?.continuation.resume(returning: .failure(error))
    }

    func close() {
        let entries = state.withLock { state in
            state.isClosed = true
            defer { state.entries = [:] }
            return state.entries
        }
        for entry in entries.values {
            entry.continuation.resume(returning: .failure(MessagingError(.closed, "the client was closed")))
        }
    }
}
