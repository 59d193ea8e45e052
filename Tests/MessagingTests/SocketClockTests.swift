import Synchronization
import Testing

@testable import Messaging

@Suite(.timeLimit(.minutes(1))) struct SocketClockTests {
    @Test func waitsEndInTheOrderOfTheirTimes() async throws {
        try await TestBus.with { bus in
            let clock = bus.thread.clock
            let ended = Order()
            let began = ContinuousClock.now
            let executor = bus.thread.executor
            // Made on the thread itself, which has all of them before it looks at the time.
            let waits = await Task(executorPreference: executor) {
                [60, 1, 30, 0].map { milliseconds in
                    Task(executorPreference: executor) {
                        try await clock.sleep(until: began + .milliseconds(milliseconds))
                        ended.add(milliseconds)
                    }
                }
            }.value
            for wait in waits { try await wait.value }
            #expect(ended.all == [0, 1, 30, 60])
            #expect(began.duration(to: .now) >= .milliseconds(60))
        }
    }

    @Test(arguments: [1, 7, 100, 250, 1000, 2000]) func beatsOfAPeriodAreSharedAndNeverPast(milliseconds: Int) {
        let (origin, period) = (ContinuousClock.now, Duration.milliseconds(milliseconds))
        for offset in [Duration.zero, .nanoseconds(1), .microseconds(999), .milliseconds(999), .seconds(86_400 * 400)] {
            let instant = origin + offset
            let beat = Rhythm.beat(after: instant, every: period, origin: origin)
            #expect(beat > instant && instant.duration(to: beat) <= period)
            #expect(Rhythm.beat(after: beat, every: period, origin: origin) == beat + period)
            // A longer period that holds this one begins with it.
            let longer = Rhythm.beat(after: instant, every: period * 3, origin: origin)
            #expect(Rhythm.beat(after: longer - period / 2, every: period, origin: origin) == longer)
        }
    }

    @Test func cancellationEndsAWait() async throws {
        try await TestBus.with { bus in
            let clock = bus.thread.clock
            // Before, while and after the thread hears of the wait.
            for round in 0..<100 {
                let wait = Task { try await clock.sleep(for: .seconds(3600)) }
                for _ in 0..<round % 7 { await Task.yield() }
                wait.cancel()
                await #expect(throws: CancellationError.self) { try await wait.value }
            }
        }
    }

    @Test func theEndOfTheThreadEndsWaits() async throws {
        let context = try MessagingContext()
        let clock = try context.makeThread(name: "ending").clock
        let waits = (0..<3).map { _ in Task { try await clock.sleep(for: .seconds(3600)) } }
        await context.terminate()
        for wait in waits { await #expect(throws: CancellationError.self) { try await wait.value } }
        await #expect(throws: CancellationError.self) { try await clock.sleep(for: .zero) }
    }
}

/// What has ended, in order.
private final class Order: Sendable {
    private let state = Mutex<[Int]>([])
    var all: [Int] { state.withLock { $0 } }

    func add(_ value: Int) { state.withLock { $0.append(value) } }
}
