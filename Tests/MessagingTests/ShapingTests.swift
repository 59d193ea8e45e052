import Testing

@testable import Messaging

@Suite(.timeLimit(.minutes(3))) struct ShapingTests {
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

    // Lower bounds hold for every message. Upper bounds hold for the best of several attempts, as other tests may take the
    // processor away.

    @Test(arguments: [
        (Duration.microseconds(300), Duration.microseconds(950)), (.milliseconds(40), .milliseconds(100)),
    ])
    func latencyIsKeptAndNotRoundedToMilliseconds(latency: Duration, limit: Duration) async throws {
        try await TestBus.with { bus in
            let link = ShapedLink(LinkShape(bytesPerSecond: .infinity, latency: latency))
            let (router, dealer) = try await bus.pair(link: link)
            var shortest = Duration.seconds(60)
            for attempt in 0..<400 where attempt < 5 || shortest >= limit {
                let start = ContinuousClock.now
                try await dealer.send([Frame("x")])
                _ = try await router.messages.one()
                let elapsed = ContinuousClock.now - start
                #expect(elapsed >= latency)
                shortest = min(shortest, elapsed)
            }
            #expect(shortest < limit, "\(shortest)")
        }
    }

    /// Two sockets of one device share its egress: together they are as fast as the link, and each keeps its order.
    @Test func rateIsSharedByTheSocketsOfADevice() async throws {
        try await TestBus.with { bus in
            let arrivals = Collector<(peer: PeerIdentity?, index: UInt8, at: ContinuousClock.Instant)>()
            let router = try await RouterSocket.bind(
                "tcp://127.0.0.1:*", on: bus.thread,
                receiver: .handler { arrivals.append(($0.peer, $0.frames[0].bytes[0], .now)) })
            let thread = try bus.context.makeThread(name: "other")
            var best = Duration.seconds(60)
            for attempt in 1...4 where best > .milliseconds(330) {
                // A new link has nothing of the attempt before to make up for.
                let link = ShapedLink(LinkShape(bytesPerSecond: 2_000_000, latency: .milliseconds(5)))
                let peers: [PeerIdentity] = [PeerIdentity("a\(attempt)"), PeerIdentity("b\(attempt)")]
                let dealers = [
                    try await DealerSocket.connect(to: router.endpoint, on: bus.thread, identity: peers[0], link: link),
                    try await DealerSocket.connect(to: router.endpoint, on: thread, identity: peers[1], link: link),
                ]
                let before = arrivals.count
                let start = ContinuousClock.now
                for index in 0..<6 {
                    for dealer in dealers {
                        try await dealer.send([Frame([UInt8](repeating: UInt8(index), count: 50_000))])
                    }
                }
                try await eventually("all have come") { arrivals.count == before + 12 }
                // 600 kB at 2 MB/s, then the latency.
                let elapsed = try #require(arrivals.all.last).at - start
                #expect(elapsed >= .milliseconds(305))
                best = min(best, elapsed)
                for peer in peers {
                    #expect(arrivals.all.filter { $0.peer == peer }.map(\.index) == Array(0..<6))
                }
            }
            #expect(best < .milliseconds(400), "\(best)")
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
