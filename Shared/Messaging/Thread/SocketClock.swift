import Synchronization

/// A wait for a time, on a socket thread.
struct WaitRequest: Sendable {
    private static let counter = Atomic<UInt64>(0)

    /// Names the wait.
    let id: UInt64
    let instant: ContinuousClock.Instant
    /// Called once, with `true` when the time has come and `false` where it is not waited for any more.
    let done: @Sendable (Bool) -> Void

    /// A name that no other wait has.
    static func nextID() -> UInt64 { counter.add(1, ordering: .relaxed).newValue }
}

/// The clock of a socket thread: for a task that runs on the thread's executor nothing but this thread wakes when the time has
/// come, where `Task.sleep` wakes three other threads of the process first.
public struct SocketClock: Sendable {
    private let mailbox: Mailbox

    init(mailbox: Mailbox) { self.mailbox = mailbox }

    /// Waits until a time has come.
    ///
    /// - Throws: `CancellationError` when the task is cancelled or the thread has ended.
    public func sleep(until instant: ContinuousClock.Instant) async throws {
        let id = WaitRequest.nextID()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                mailbox.post(
                    .wait(
                        WaitRequest(id: id, instant: instant) { hasCome in
                            continuation.resume(with: hasCome ? .success(()) : .failure(CancellationError()))
                        }))
                // A cancellation that came before found nothing to end.
                if Task.isCancelled { mailbox.post(.endWait(id)) }
            }
        } onCancel: {
            mailbox.post(.endWait(id))
        }
    }

    /// Waits for so long.
    ///
    /// - Throws: `CancellationError` when the task is cancelled or the thread has ended.
    public func sleep(for duration: Duration) async throws { try await sleep(until: .now + duration) }
}
