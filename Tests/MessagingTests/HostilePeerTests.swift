import Foundation
import Messaging
import Testing

@Suite(.timeLimit(.minutes(2))) struct HostilePeerTests {
    /// Random bytes, HTTP, TLS, half greetings, and silence: none of it disturbs others, and every descriptor comes back.
    @Test func foreignProtocolsDoNoHarm() async {
        await #expect(processExitsWith: .success) {
            try await TestBus.with { bus in
                var options = SocketOptions()
                options.handshakeTimeout = .milliseconds(300)
                let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: bus.thread, options: options)
                let dealer = try await DealerSocket.connect(to: router.endpoint, on: bus.thread)
                try await echo("before", dealer, router)
                let port = try port(of: router.endpoint)
                let before = try descriptorCount()
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
                try await eventually("all are closed by the router") { connections.allSatisfy(\.isClosed) }
                connections = []
                try await eventually("the descriptors come back") { try descriptorCount() <= before }
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
                let before = try descriptorCount()
                var silent: [RawConnection] = []
                for _ in 0..<200 { silent.append(try RawConnection(port: port)) }
                let dealer = try await DealerSocket.connect(to: router.endpoint, on: bus.thread)
                try await echo("among 200 silent peers", dealer, router)
                try await eventually("the silent are closed") { silent.allSatisfy(\.isClosed) }
                silent = []
                await dealer.close()
                try await eventually("the descriptors come back") { try descriptorCount() <= before }
            }
        }
    }

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
}

private func echo(_ text: String, _ dealer: DealerSocket, _ router: RouterSocket) async throws {
    try await dealer.send([Frame(text)])
    let message = try await router.messages.one()
    #expect(message.texts == [text])
    try await router.send(message.frames, to: try #require(message.peer))
    #expect(try await dealer.messages.one().texts == [text])
}
