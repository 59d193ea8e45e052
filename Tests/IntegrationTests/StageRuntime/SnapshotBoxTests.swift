import Domain
import Messaging
import Scheduling
import Testing

@testable import StageRuntime

/// Who reports how a worker is sleeps while it has nothing to do, and no longer.
@Suite(.timeLimit(.minutes(1))) struct SnapshotBoxTests {
    private static let long = Duration.seconds(3600)
    private let context: MessagingContext
    private let clock: SocketClock

    init() throws {
        context = try MessagingContext()
        clock = try context.makeThread(name: "test").clock
    }

    @Test func workEndsTheWait() async throws {
        let box = SnapshotBox()
        async let wait: Void = box.waitForWork(beat: Self.long, clock)
        var summary = StageSummary()
        summary.load.waiting = 1
        // Before the wait or during it.
        box.set(summary)
        try await wait
        // And there is no waiting while there is something to do.
        try await box.waitForWork(beat: Self.long, clock)
    }

    @Test func timeEndsTheWait() async throws {
        let box = SnapshotBox()
        try await box.waitForWork(beat: .milliseconds(1), clock)
        box.set(StageSummary())
        try await box.waitForWork(beat: .milliseconds(1), clock)
    }

    @Test func stoppingEndsTheWait() async {
        let box = SnapshotBox()
        let wait = Task { try await box.waitForWork(beat: Self.long, clock) }
        wait.cancel()
        await #expect(throws: CancellationError.self) { try await wait.value }
    }
}
