/// Runs Swift tasks on the thread of sockets, so that a message that came in is handled, and what it causes is sent, without
/// waking another thread in between: on a small machine each such switch costs as much as the message itself.
///
/// Jobs take turns with the sockets and must not block. When the thread has ended, tasks go on on the global executor.
final class SocketExecutor: TaskExecutor {
    private let mailbox: Mailbox

    init(mailbox: Mailbox) { self.mailbox = mailbox }

    func enqueue(_ job: consuming ExecutorJob) { mailbox.post(.run(UnownedJob(job))) }

    /// Runs a job, on the socket thread.
    func run(_ job: UnownedJob) { unsafe job.runSynchronously(on: asUnownedTaskExecutor()) }
}
