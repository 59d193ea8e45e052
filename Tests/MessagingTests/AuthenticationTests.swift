import Messaging
import Synchronization
import Testing

/// Who gets in where keys are asked for.
@Suite(.timeLimit(.minutes(3))) struct AuthenticationTests {
    @Test func onlyKnownKeysGetInAndAreNamed() async throws {
        let server = try CurveKeyPair.generate()
        let (known, stranger) = (try CurveKeyPair.generate(), try CurveKeyPair.generate())
        try await TestBus.with { bus in
            let asked = Mutex<[AuthenticationRequest]>([])
            let allowed = known.publicKey
            try bus.context.authenticate { request in
                asked.withLock { $0.append(request) }
                return request.publicKey == allowed && request.domain == "control"
            }
            func router(_ domain: String) async throws -> RouterSocket {
                var options = SocketOptions()
                options.security = .curveServer(keys: server, domain: domain)
                options.monitorsConnections = true
                return try await RouterSocket.bind("tcp://127.0.0.1:*", on: bus.thread, options: options)
            }
            func dealer(_ keys: CurveKeyPair, _ router: RouterSocket, _ name: PeerIdentity) async throws -> DealerSocket
            {
                var options = SocketOptions()
                options.security = .curveClient(keys: keys, serverKey: server.publicKey)
                return try await DealerSocket.connect(
                    to: router.endpoint, on: bus.thread, identity: name, options: options)
            }
            let (control, other) = (try await router("control"), try await router("other"))
            let bad = try await dealer(stranger, control, "stranger")
            let misplaced = try await dealer(known, other, "misplaced")
            try await bad.send([Frame("let me in")])
            try await misplaced.send([Frame("let me in")])
            try await eventually("both are refused") {
                control.statistics.failedHandshakes > 0 && other.statistics.failedHandshakes > 0
            }
            let good = try await dealer(known, control, "good")
            try await good.send([Frame("hello")])
            let message = try await control.messages.one()
            #expect(message.user == known.publicKey && message.peer == "good")
            #expect(control.statistics.receivedMessages == 1 && other.statistics.receivedMessages == 0)
            #expect(asked.withLock { $0.contains { $0.publicKey == stranger.publicKey && $0.address == "127.0.0.1" } })
        }
    }

    /// Hundreds of connections that never finish their handshake, and garbage, keep nobody out. Both ends are in this process, whose
    /// descriptors must stay below 1024 for the sake of `select` elsewhere in it.
    @Test func halfOpenHandshakesKeepNobodyOut() async throws {
        let server = try CurveKeyPair.generate()
        let client = try CurveKeyPair.generate()
        try await TestBus.with { bus in
            try bus.context.authenticate { _ in true }
            var options = SocketOptions()
            options.security = .curveServer(keys: server, domain: "control")
            options.handshakeTimeout = .seconds(1)
            let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: bus.thread, options: options)
            let port = try #require(router.endpoint.split(separator: ":").last.flatMap { UInt16($0) })
            var half: [RawConnection] = []
            for index in 0..<300 {
                let connection = try RawConnection(port: port)
                if index % 3 == 1 { connection.write([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1]) }
                if index % 3 == 2 { connection.write([UInt8](repeating: UInt8(index % 251), count: 200)) }
                half.append(connection)
            }
            options.security = .curveClient(keys: client, serverKey: server.publicKey)
            let dealer = try await DealerSocket.connect(to: router.endpoint, on: bus.thread, options: options)
            try await dealer.send([Frame("hello")])
            #expect(try await router.messages.one().user == client.publicKey)
            withExtendedLifetime(half) {}
        }
    }

    @Test func keysAreTextAndBytes() throws {
        let keys = try CurveKeyPair.generate()
        let bytes = try #require(CurveKeyPair.bytes(keys.publicKey))
        #expect(CurveKeyPair.text(bytes) == keys.publicKey)
        #expect(CurveKeyPair.text([1, 2, 3]) == nil && CurveKeyPair.bytes("short") == nil)
    }
}
