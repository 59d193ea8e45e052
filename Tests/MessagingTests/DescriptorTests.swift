import Foundation
import Messaging
import Testing

/// Each test counts the descriptors of a process of its own, as other tests run at the same time; one after the other, as a
/// test that waits for a process blocks a thread of the pool.
@Suite(.serialized, .timeLimit(.minutes(2))) struct DescriptorTests {
    @Test func twoHundredCyclesLeaveNoDescriptor() async {
        await #expect(processExitsWith: .success) {
            try await cycle()
            let before = try await settledDescriptors()
            for _ in 0..<200 { try await cycle() }
            try await expectNoMore(than: before)
            let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count
            #expect(threads < 50)
        }
    }

    @Test func droppedHandlesCloseEverything() async {
        await #expect(processExitsWith: .success) {
            try await cycle()
            let before = try await settledDescriptors()
            for _ in 0..<20 {
                let thread = try MessagingContext().makeThread(name: "dropped")
                let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: thread)
                _ = try await DealerSocket.connect(to: router.endpoint, on: thread)
            }
            try await expectNoMore(than: before)
        }
    }

    /// Random bytes, HTTP, TLS, half greetings, and silence: none of it disturbs others, and every descriptor comes back.
    ///
    /// What does not start with 0xff is taken by libzmq for a peer of ZMTP 1.0 and stays connected until it leaves; its bytes
    /// may even arrive as messages.
    @Test func foreignProtocolsDoNoHarm() async {
        await #expect(processExitsWith: .success) {
            try await TestBus.with { bus in
                var options = SocketOptions()
                options.handshakeTimeout = .milliseconds(300)
                let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: bus.thread, options: options)
                let dealer = try await DealerSocket.connect(to: router.endpoint, on: bus.thread)
                try await echo("before", dealer, router)
                let port = try port(of: router.endpoint)
                let before = try await settledDescriptors()
                var generator = SystemRandomNumberGenerator()
                let greeting: [UInt8] = [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0] + Array("NULL".utf8)
                var connections: [RawConnection] = []
                for index in 0..<60 {
                    let connection = try RawConnection(port: port)
                    switch index % 6 {
                    case 0: connection.write((0..<512).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
                    case 1: connection.write(Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
                    case 2: connection.write([0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3])
                    case 3: connection.write(Array(greeting.prefix(10)))
                    case 4: connection.write(greeting + [UInt8](repeating: 0, count: 48) + [4, 0xff, 5])
                    default: break
                    }
                    connections.append(connection)
                }
                try await echo("during", dealer, router)
                let unfinished = connections.enumerated().filter { [3, 5].contains($0.offset % 6) }.map(\.element)
                try await eventually("what sent half a greeting or nothing is closed") {
                    unfinished.allSatisfy(\.isClosed)
                }
                for connection in connections { connection.end() }
                try await expectNoMore(than: before)
                try await echo("after", dealer, router)
            }
        }
    }

    @Test func unfinishedHandshakesAreClosed() async {
        await #expect(processExitsWith: .success) {
            try await TestBus.with { bus in
                var options = SocketOptions()
                options.handshakeTimeout = .milliseconds(500)
                let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: bus.thread, options: options)
                let port = try port(of: router.endpoint)
                let before = try await settledDescriptors()
                var silent: [RawConnection] = []
                for _ in 0..<200 { silent.append(try RawConnection(port: port)) }
                let dealer = try await DealerSocket.connect(to: router.endpoint, on: bus.thread)
                try await echo("among 200 silent peers", dealer, router)
                try await eventually("the silent are closed") { silent.allSatisfy(\.isClosed) }
                for connection in silent { connection.end() }
                await dealer.close()
                try await expectNoMore(than: before)
            }
        }
    }
}

private func cycle() async throws {
    try await TestBus.with { bus in
        let (router, dealer) = try await bus.pair()
        try await dealer.send([Frame("x")])
        #expect(try await router.messages.one().texts == ["x"])
    }
}

/// The open descriptors, with those that Swift's own timers need.
private func settledDescriptors() async throws -> [String] {
    try await Task.sleep(for: .milliseconds(1))
    return try descriptors()
}

/// Descriptors are closed by libzmq's threads a moment after the sockets. Swift's own timers may add up to three timer
/// descriptors, one for each clock, at any time.
private func expectNoMore(than before: [String]) async throws {
    func counts(_ all: [String]) -> (timers: Int, others: Int) {
        let timers = all.count { $0.contains("timerfd") }
        return (timers, all.count - timers)
    }
    let deadline = ContinuousClock.now + .seconds(10)
    while true {
        let now = try descriptors()
        if counts(now).others <= counts(before).others, counts(now).timers <= counts(before).timers + 3 { return }
        guard ContinuousClock.now < deadline else {
            Issue.record("still open: \(Set(now).subtracting(before).sorted()); before: \(before)")
            return
        }
        try await Task.sleep(for: .milliseconds(2))
    }
}
