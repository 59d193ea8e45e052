import Protocol

/// What a shell's run loop takes: the service's own inputs, and questions about the service itself.
enum ShellInput<Input: Sendable>: Sendable {
    case own(Input)
    case asked(WireMessage, ServerSocket)
}

/// The way into a service's run loop.
public struct ServiceInbox<Input: Sendable>: Sendable {
    let queue: EventQueue<ShellInput<Input>>

    init(capacity: Int) { queue = EventQueue(capacity: capacity) }

    /// Adds an input at once, beyond the bound if need be: ticks, replies, results of own work.
    public func push(_ input: Input) { queue.push(.own(input)) }

    /// Adds an input and waits while the queue is over its bound, so that back-pressure reaches the sockets.
    public func send(_ input: Input) async { await queue.send(.own(input)) }

    /// Ends the run loop; what is in the queue is still handled.
    public func close() { queue.close() }
}
