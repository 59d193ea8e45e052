import Foundation
internal import Logging
internal import ServiceLifecycle

/// Ends the process when it has not stopped in time: cancelling does not reach a thread that computes or waits, and a group of
/// services waits for it.
struct StopDeadline: Service {
    /// From the request to stop to the end, in seconds; less than those who start services wait for them.
    var after = 15.75
    let logger: Logger
    /// What ends the process; it does not ask anybody, since anybody may hang.
    var end: @Sendable () -> Void = { _exit(1) }

    /// Waits for the request to stop and leaves the watch to a thread: the tasks' threads may all be what hangs.
    func run() async throws {
        try? await gracefulShutdown()
        let thread = Thread { [self] in
            Thread.sleep(forTimeInterval: after)
            logger.error("still not stopped after \(after) s, ends now")
            end()
        }
        thread.name = "stop-deadline"
        thread.start()
    }
}
