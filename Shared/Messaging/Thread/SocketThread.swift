/// One operating system thread that owns its sockets: it alone creates, polls, uses and closes them, so that libzmq never
/// blocks a thread of Swift's cooperative pool.
///
/// Several sockets may live on one thread; sockets whose traffic should not wait for each other get threads of their own.
public final class SocketThread: Sendable {
    /// Keeps the context alive.
    private let context: MessagingContext
    private let core: ThreadCore

    init(context: MessagingContext, name: String) throws(MessagingError) {
        self.context = context
        core = try ThreadCore.start(name: name, context: context.core)
    }

    deinit { core.mailbox.post(.stop) }

    var mailbox: Mailbox { core.mailbox }

    /// Runs tasks on this thread, in turn with its sockets: what they receive there and send there wakes no other thread. Only for
    /// tasks that never block and compute little.
    public var executor: any TaskExecutor { core.executor }

    /// Waits for tasks on this thread.
    public var clock: SocketClock { SocketClock(mailbox: mailbox) }

    /// Closes the thread's sockets as `MessagingContext.terminate` does, and joins the thread.
    public func close() async {
        core.mailbox.post(.stop)
        await core.waitUntilEnded()
    }
}
