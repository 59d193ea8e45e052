import Messaging
import Testing

@Suite(.timeLimit(.minutes(2))) struct HostilePeerTests {
    @Test func oversizeFrameDisconnectsThatPeerOnly() async throws {
        try await TestBus.with { bus in
            var options = SocketOptions()
            options.maximumFrameBytes = 100_000
            let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: bus.thread, options: options)
            let good = try await DealerSocket.connect(to: router.endpoint, on: bus.thread)
            try await echo("before", good, router)

            var unbounded = SocketOptions()
            unbounded.monitorsConnections = true
            let losses = Collector<SocketEvent>()
            let bad = try await DealerSocket.connect(
                to: router.endpoint, on: bus.thread, identity: "bad", options: unbounded
            ) { if case .disconnected = $0 { losses.append($0) } }
            try await bad.send([Frame([UInt8](repeating: 1, count: 100_001))])
            try await eventually("the peer is disconnected") { losses.count > 0 }
            try await good.send([Frame([UInt8](repeating: 2, count: 100_000))])
            let message = try await router.messages.one()
            #expect(message.byteCount == 100_000)
            #expect(message.peer == good.identity)
            #expect(router.statistics.receivedMessages == 2)
        }
    }

    @Test func failedHandshakesAreCounted() async throws {
        try await TestBus.with { bus in
            var options = SocketOptions()
            options.monitorsConnections = true
            let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: bus.thread, options: options)
            let connection = try RawConnection(port: try port(of: router.endpoint))
            let greeting: [UInt8] = [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0] + Array("CURVE".utf8)
            connection.write(greeting + [UInt8](repeating: 0, count: 64 - greeting.count))
            try await eventually("it is counted") { router.statistics.failedHandshakes == 1 }
        }
    }

    /// A peer that does everything right by hand is heard; that it is silent afterwards disturbs nobody.
    @Test func peerByHandIsHeard() async throws {
        try await TestBus.with { bus in
            let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: bus.thread)
            let dealer = try await DealerSocket.connect(to: router.endpoint, on: bus.thread)
            let connection = try RawConnection(port: try port(of: router.endpoint))
            var greeting: [UInt8] = [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0] + Array("NULL".utf8)
            greeting += [UInt8](repeating: 0, count: 64 - greeting.count)
            connection.write(greeting)
            try await eventually("the router is ready") {
                connection.poll()
                return String(decoding: connection.received, as: UTF8.self).contains("READY")
            }
            let ready = Array("\u{5}READY\u{b}Socket-Type\0\0\0\u{6}DEALER".utf8)
            connection.write([4, UInt8(ready.count)] + ready + [0, 2] + Array("hi".utf8))
            let message = try await router.messages.one()
            #expect(message.texts == ["hi"])
            try await echo("the other too", dealer, router)
        }
    }

    /// A connection that libzmq has stopped reading, because nobody takes its messages, is lost. With the heartbeats of
    /// libzmq this ends the process at the next one.
    @Test func losingAConnectionThatIsNotReadDoesNoHarm() async throws {
        try await TestBus.with { bus in
            var options = SocketOptions()
            options.receiveHighWaterMark = 1
            options.linger = .zero
            let other = try MessagingContext()
            let router = try await RouterSocket.bind(
                "tcp://127.0.0.1:*", on: try other.makeThread(name: "lost"), options: options)
            let dealer = try await DealerSocket.connect(to: router.endpoint, on: bus.thread, options: options)
            try await dealer.send([Frame("here")])
            _ = try await router.messages.one()
            dealer.pauseReceiving()
            for _ in 0..<1000 { _ = router.trySend([Frame("not read")], to: dealer.identity) }
            try await eventually("they are on the way") { router.statistics.queuedMessages == 0 }
            // Unread data makes the end a reset, which is reported although nobody reads.
            for _ in 0..<10 { try await dealer.send([Frame("neither")]) }
            router.pauseReceiving()
            await other.terminate()
            // Longer than the interval of the heartbeats was.
            let end = ContinuousClock.now + .milliseconds(1500)
            let alive = try await bus.pair()
            try await eventually("time passes") {
                try await echo("alive", alive.dealer, alive.router)
                return ContinuousClock.now > end
            }
            dealer.resumeReceiving()
            #expect(try await dealer.messages.one().texts == ["not read"])
        }
    }

    /// An unfinished message of many frames is never delivered, and goes with its connection.
    @Test func unfinishedMessageIsNotDelivered() async throws {
        try await TestBus.with { bus in
            let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: bus.thread)
            let dealer = try await DealerSocket.connect(to: router.endpoint, on: bus.thread)
            let connection = try RawConnection(port: try port(of: router.endpoint))
            // ZMTP 1.0: an anonymous identity, then frames that all announce another one.
            connection.write([1, 0] + [[UInt8]](repeating: [2, 1, 7], count: 500).flatMap(\.self))
            connection.end()
            try await echo("undisturbed", dealer, router)
            #expect(router.statistics.receivedMessages == 1)
        }
    }
}
