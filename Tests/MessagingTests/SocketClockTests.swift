import Messaging
import Synchronization
import Testing

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
