@testable import Messaging
import Testing

@Suite(.timeLimit(.minutes(1))) struct ShapingTests {
    @Test func scheduleIsSerialInRateAndParallelInLatency() {
        var schedule = LinkSchedule(shape: LinkShape(bytesPerSecond: 1000, latency: .milliseconds(50)))
        let start = ContinuousClock.now
        #expect(schedule.reserve(byteCount: 500, at: start) == start + .milliseconds(550))
        #expect(schedule.reserve(byteCount: 100, at: start) == start + .milliseconds(650))
        // Idle until then: the time before is not saved up.
        let later = start + .seconds(10)
        #expect(schedule.reserve(byteCount: 100, at: later) == later + .milliseconds(150))
        #expect(schedule.reserve(byteCount: 0, at: later) == later + .milliseconds(150))
        var instant = LinkSchedule(shape: LinkShape(bytesPerSecond: 0, latency: .milliseconds(-1)))
        #expect(instant.reserve(byteCount: 1 << 40, at: start) == start)
    }

    @Test func latencyIsKept() async throws {
        try await TestBus.with { bus in
            let link = ShapedLink(LinkShape(bytesPerSecond: .infinity, latency: .milliseconds(40)))
            let (router, dealer) = try await bus.pair(link: link)
            for _ in 0..<5 {
                let start = ContinuousClock.now
                try await dealer.send([Frame("x")])
                _ = try await router.messages.one()
                let elapsed = ContinuousClock.now - start
                #expect(elapsed >= .milliseconds(40))
                #expect(elapsed < .milliseconds(400))
            }
        }
    }

    @Test func shortLatenciesAreNotRoundedToMilliseconds() async throws {
        try await TestBus.with { bus in
            let link = ShapedLink(LinkShape(bytesPerSecond: .infinity, latency: .microseconds(300)))
            let (router, dealer) = try await bus.pair(link: link)
            var shortest = Duration.seconds(1)
            for _ in 0..<200 {
                let start = ContinuousClock.now
                try await dealer.send([Frame("x")])
                _ = try await router.messages.one()
                shortest = min(shortest, ContinuousClock.now - start)
            }
            #expect(shortest >= .microseconds(300))
            #expect(shortest < .microseconds(950), "\(shortest)")
        }
    }

    /// Two sockets of one device share its egress: together they are as fast as the link, and each keeps its order.
    @Test func rateIsSharedByTheSocketsOfADevice() async throws {
        try await TestBus.with { bus in
            let link = ShapedLink(LinkShape(bytesPerSecond: 2_000_000, latency: .milliseconds(5)))
            let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: bus.thread)
            let thread = try bus.context.makeThread(name: "other")
            let dealers = [
                try await DealerSocket.connect(to: router.endpoint, on: bus.thread, identity: "a", link: link),
                try await DealerSocket.connect(to: router.endpoint, on: thread, identity: "b", link: link),
            ]
            let start = ContinuousClock.now
            for index in 0..<10 {
                for dealer in dealers {
                    try await dealer.send([Frame([UInt8](repeating: UInt8(index), count: 50_000))])
                }
            }
            let messages = await router.messages.collect(20)
            let elapsed = ContinuousClock.now - start
            // 1 MB at 2 MB/s.
            #expect(elapsed >= .milliseconds(505))
            #expect(elapsed < .milliseconds(1500))
            for peer in ["a", "b"] as [PeerIdentity] {
                let order = messages.filter { $0.peer == peer }.map { $0.frames[0].bytes[0] }
                #expect(order == Array(0..<10))
            }
        }
    }

    @Test func slowLinkPushesBack() async throws {
        try await TestBus.with { bus in
            var options = SocketOptions()
            options.sendQueue = QueueLimit(messages: 4, bytes: 1 << 20)
            let link = ShapedLink(LinkShape(bytesPerSecond: 1_000_000, latency: .zero))
            let (router, dealer) = try await bus.pair(options: options, link: link)
            let start = ContinuousClock.now
            // Each takes 20 ms; the fifth and later ones have to wait for room.
            for index in 0..<12 { try await dealer.send([Frame([UInt8](repeating: UInt8(index), count: 20_000))]) }
            #expect(ContinuousClock.now - start >= .milliseconds(7 * 20))
            let messages = await router.messages.collect(12)
            #expect(messages.map { $0.frames[0].bytes[0] } == Array(0..<12))
            #expect(ContinuousClock.now - start >= .milliseconds(12 * 20))
        }
    }
}
