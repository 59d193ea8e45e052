import Logging
import ServiceLifecycle
import Synchronization
import Testing

@testable import ServiceRuntime

@Suite("Service runtime: stopping")
struct StopDeadlineTests {
    /// A service that hears of nothing, as one that waits for a thread.
    private struct Deaf: Service {
        let ended: AsyncStream<Void>
        let started: AsyncStream<Void>.Continuation

        func run() async throws {
            started.yield()
            await Task { for await _ in ended { break } }.value
        }
    }

    @Test("a service that does not stop is not waited for longer than the deadline", .timeLimit(.minutes(1)))
    func deaf() async throws {
        let (ended, end) = AsyncStream<Void>.makeStream()
        let (started, start) = AsyncStream<Void>.makeStream()
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let called = Mutex(0)
        let deadline = StopDeadline(after: 0.05, logger: logger) {
            called.withLock { $0 += 1 }
            end.yield()
        }
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(
                        service: Deaf(ended: ended, started: start),
                        successTerminationBehavior: .gracefullyShutdownGroup),
                    .init(service: deadline, successTerminationBehavior: .ignore),
                ], logger: logger))
        let running = Task { try await group.run() }
        for await _ in started { break }
        await group.triggerGracefulShutdown()
        try await running.value
        #expect(called.withLock { $0 } == 1)
    }
}
