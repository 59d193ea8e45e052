import Foundation
import Messaging
import Scheduling
import ServiceRuntime
import Synchronization

/// What the heartbeats read while the run loop writes it.
final class SnapshotBox: Sendable {
    /// The run loop has an event a second at least; after so long without one it hangs.
    private static let patience = Duration.seconds(3)
    private struct State {
        var summary = StageSummary()
        var time = ContinuousClock.now
        /// Ended when there is something to do.
        var waiter: AsyncStream<Void>.Continuation?
    }

    private let state = Mutex(State())

    /// The last summary; `nil` where the run loop hangs.
    var value: StageSummary? {
        state.withLock { $0.time.duration(to: .now) < Self.patience ? $0.summary : nil }
    }

    func set(_ summary: StageSummary) {
        let waiter = state.withLock { state -> AsyncStream<Void>.Continuation? in
            state.summary = summary
            state.time = .now
            guard !summary.load.isIdle else { return nil }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.finish()
    }

    /// Ends the wait for work without any.
    func wake() {
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.finish()
    }

    /// Waits until there is something to do, or for the next beat. For one task at a time.
    func waitForWork(beat period: Duration, _ clock: SocketClock) async throws {
        let (work, waiter) = AsyncStream.makeStream(of: Void.self)
        let isIdle = state.withLock { state in
            guard state.summary.load.isIdle else { return false }
            state.waiter = waiter
            return true
        }
        guard isIdle else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await clock.nextBeat(every: period) }
            group.addTask { for await _ in work {} }
            await group.next()
            group.cancelAll()
        }
        try Task.checkCancellation()
    }
}

/// The processor's name, part of a device's fingerprint.
enum ProcessorName {
    static func current() -> String {
        guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else { return "unknown" }
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2, ["model name", "Model", "Hardware"].contains(where: { parts[0].hasPrefix($0) }) {
                return parts[1].trimmingCharacters(in: .whitespaces)
            }
        }
        return "unknown"
    }
}
