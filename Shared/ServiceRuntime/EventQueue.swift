import Synchronization

/// A bounded queue in front of a service's run loop: senders wait while it is full, so that back-pressure reaches the
/// sockets; urgent events (replies, ticks, results of own work) always fit.
public final class EventQueue<Event: Sendable>: Sendable {
    private struct State {
        /// What was handed out is `nil` until the array is cut: it must not live on in here.
        var events: [Event?] = []
        var head = 0
        var consumer: CheckedContinuation<Event?, Never>?
        var senders: [CheckedContinuation<Void, Never>] = []
        var closed = false
        var count: Int { events.count - head }
    }

    private let capacity: Int
    private let state = Mutex(State())

    /// Makes a queue that makes senders wait from `capacity` events on.
    public init(capacity: Int = 1024) { self.capacity = max(1, capacity) }

    /// Adds an event at once, beyond the bound if need be.
    public func push(_ event: Event) {
        let consumer = state.withLock { state -> CheckedContinuation<Event?, Never>? in
            guard !state.closed else { return nil }
            if let consumer = state.consumer {
                state.consumer = nil
                return consumer
            }
            state.events.append(event)
            return nil
        }
        consumer?.resume(returning: event)
    }

    /// Adds an event and waits while the queue is over its bound.
    public func send(_ event: Event) async {
        push(event)
        guard state.withLock({ $0.count > capacity && !$0.closed }) else { return }
        await withCheckedContinuation { continuation in
            let proceed = state.withLock { state -> Bool in
                if state.count <= capacity || state.closed { return true }
                state.senders.append(continuation)
                return false
            }
            if proceed { continuation.resume() }
        }
    }

    /// The next event, or `nil` once the queue is closed and empty. One consumer only.
    public func next() async -> Event? {
        await withCheckedContinuation { continuation in
            let (event, finished, released) = state.withLock {
                state -> (Event?, Bool, [CheckedContinuation<Void, Never>]) in
                if state.count > 0 {
                    let event = state.events[state.head]
                    state.events[state.head] = nil
                    state.head += 1
                    if state.head > 64, state.head * 2 > state.events.count {
                        state.events.removeFirst(state.head)
                        state.head = 0
                    }
                    var released: [CheckedContinuation<Void, Never>] = []
                    if state.count <= capacity { swap(&released, &state.senders) }
                    return (event, true, released)
                }
                if state.closed { return (nil, true, []) }
                precondition(state.consumer == nil, "an event queue has one consumer")
                state.consumer = continuation
                return (nil, false, [])
            }
            for sender in released { sender.resume() }
            if finished { continuation.resume(returning: event) }
        }
    }

    /// Ends the queue; events that are in it are still handed out.
    public func close() {
        let (consumer, senders) = state.withLock { state in
            state.closed = true
            defer {
                state.consumer = nil
                state.senders = []
            }
            return (state.consumer, state.senders)
        }
        consumer?.resume(returning: nil)
        for sender in senders { sender.resume() }
    }
}
