import Synchronization

/// A running socket thread, as the context and the user's handle know it.
final class ThreadCore: Sendable {
    let mailbox: Mailbox
    let executor: SocketExecutor
    private let ended = Completion()
    private let thread = Mutex<OperatingSystemThread?>(nil)

    private init(mailbox: Mailbox) {
        self.mailbox = mailbox
        executor = SocketExecutor(mailbox: mailbox)
    }

    static func start(name: String, context: ContextCore) throws(MessagingError) -> ThreadCore {
        let core = ThreadCore(mailbox: try Mailbox())
        guard context.add(core) else { throw MessagingError(.closed, "the messaging context is terminated") }
        do {
            let thread = try OperatingSystemThread.start(name: name) {
                // The loop is made, used and released on this thread.
                SocketLoop(context: context, mailbox: core.mailbox, executor: core.executor).run()
                context.remove(core)
                core.mailbox.close()
                core.ended.complete()
            }
            core.thread.withLock { $0 = thread }
        } catch {
            context.remove(core)
            throw error
        }
        return core
    }

    /// Waits for the end of the loop, then joins the thread, which has nothing left to do.
    func waitUntilEnded() async {
        await ended.wait()
        thread.withLock { $0 }?.join()
    }
}
