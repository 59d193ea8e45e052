import Synchronization

/// The root of all sockets of a process: its I/O threads and the `inproc` name space.
///
/// Threads and sockets keep it alive. `terminate` closes everything; without it the same happens when the last reference
/// goes.
public final class MessagingContext: Sendable {
    let core: ContextCore
    private let authenticator = Mutex<Authenticator?>(nil)

    /// Starts a context.
    ///
    /// - Parameters:
    ///   - ioThreads: threads of libzmq that read and write connections; one carries about 1 GB/s.
    ///   - maximumSockets: most sockets at a time.
    public init(ioThreads: Int = 1, maximumSockets: Int = 1023) throws(MessagingError) {
        core = try ContextCore(ioThreads: ioThreads, maximumSockets: maximumSockets)
    }

    deinit { core.stopThreads() }

    /// Starts a thread for sockets.
    ///
    /// - Parameter name: shown by debuggers; at most 15 bytes are kept.
    public func makeThread(name: String) throws(MessagingError) -> SocketThread {
        try SocketThread(context: self, name: name)
    }

    /// From now on `admits` decides who may connect to the CURVE servers of this context. Called once, before they are bound.
    ///
    /// - Parameter admits: called on a thread of its own for every handshake; must return at once.
    public func authenticate(
        _ admits: @escaping @Sendable (AuthenticationRequest) -> Bool
    ) throws(MessagingError) {
        let made = try Authenticator(context: core, admits: admits)
        authenticator.withLock { $0 = made }
    }

    /// Closes every socket, sending what is queued for at most its linger time, ends every sequence, joins every thread.
    /// Afterwards every use fails with `closed`. May be called more than once.
    public func terminate() async {
        for thread in core.stopThreads() { await thread.waitUntilEnded() }
        await core.terminate()
    }
}
