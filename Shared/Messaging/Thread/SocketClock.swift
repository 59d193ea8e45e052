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

/// The instants that the periods of a machine share.
enum Rhythm {
    /// The same for all processes of a machine.
    private static let origin = ContinuousClock().systemEpoch

    /// The first instant after `instant` that is a whole number of periods, at least 1 ms each, after the origin.
    static func beat(
        after instant: ContinuousClock.Instant, every period: Duration, origin: ContinuousClock.Instant = origin
    ) -> ContinuousClock.Instant {
        let period = max(period, .milliseconds(1))
        var beat = origin + period * Int(((instant - origin) / period).rounded(.down))
        // The quotient may be a little too small.
        while beat <= instant { beat += period }
        return beat
    }
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

    /// Waits for the next of the instants that come once in a period. All periods of a machine are counted from one instant,
    /// so that what its services do now and then happens together: a processor that sleeps is woken once, not for each of them.
    ///
    /// - Throws: `CancellationError` when the task is cancelled or the thread has ended.
    public func nextBeat(every period: Duration) async throws {
        try await sleep(until: Rhythm.beat(after: .now, every: period))
    }

    /// Waits for so long.
    ///
    /// - Throws: `CancellationError` when the task is cancelled or the thread has ended.
    public func sleep(for duration: Duration) async throws { try await sleep(until: .now + duration) }
}
