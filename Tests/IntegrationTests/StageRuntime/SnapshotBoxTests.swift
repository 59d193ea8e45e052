import Domain
import Scheduling
import Testing

@testable import StageRuntime

/// Who reports how a worker is sleeps while it has nothing to do, and no longer.
@Suite(.timeLimit(.minutes(1))) struct SnapshotBoxTests {
    private static let long = Duration.seconds(3600)

    @Test func workEndsTheWait() async throws {
        let box = SnapshotBox()
        async let wait: Void = box.waitForWork(atMost: Self.long)
        var summary = StageSummary()
        summary.load.waiting = 1
        // Before the wait or during it.
        box.set(summary)
        try await wait
        // And there is no waiting while there is something to do.
        try await box.waitForWork(atMost: Self.long)
    }

    @Test func timeEndsTheWait() async throws {
        let box = SnapshotBox()
        try await box.waitForWork(atMost: .milliseconds(1))
        box.set(StageSummary())
        try await box.waitForWork(atMost: .milliseconds(1))
    }

    @Test func stoppingEndsTheWait() async {
        let box = SnapshotBox()
        let wait = Task { try await box.waitForWork(atMost: Self.long) }
        wait.cancel()
        await #expect(throws: CancellationError.self) { try await wait.value }
    }
}
