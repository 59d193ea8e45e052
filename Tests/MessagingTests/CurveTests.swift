import Messaging
import Testing

@Suite(.timeLimit(.minutes(3))) struct CurveTests {
    @Test func keyPairs() throws {
        let keys = try CurveKeyPair.generate()
        #expect(keys.publicKey.utf8.count == 40)
        #expect(keys.secretKey.utf8.count == 40)
        #expect(try CurveKeyPair(secretKey: keys.secretKey) == keys)
        #expect(try CurveKeyPair.generate() != keys)
        #expect(!"\(keys)".contains(keys.secretKey))
        for text in ["", "short", String(repeating: "\u{7f}", count: 40)] {
            #expect(throws: MessagingError.self) { try CurveKeyPair(secretKey: text) }
        }
    }

    @Test func encryptedRoundTripAndRefusedStrangers() async throws {
        let server = try CurveKeyPair.generate()
        let client = try CurveKeyPair.generate()
        try await TestBus.with { bus in
            var serverOptions = SocketOptions()
            serverOptions.security = .curveServer(keys: server)
            serverOptions.monitorsConnections = true
            let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: bus.thread, options: serverOptions)
            var options = SocketOptions()
            options.security = .curveClient(keys: client, serverKey: server.publicKey)
            let dealer = try await DealerSocket.connect(
                to: router.endpoint, on: bus.thread, identity: "friend", options: options)
            // A stranger in plain text, and one that pins another server key.
            let plain = try await DealerSocket.connect(to: router.endpoint, on: bus.thread, identity: "plain")
            options.security = .curveClient(keys: client, serverKey: client.publicKey)
            let wrong = try await DealerSocket.connect(
                to: router.endpoint, on: bus.thread, identity: "wrong", options: options)
            try await plain.send([Frame("let me in")])
            try await wrong.send([Frame("let me in")])
            try await eventually("the strangers are refused") { router.statistics.failedHandshakes >= 2 }
            try await dealer.send([Frame("secret"), Frame([UInt8](repeating: 9, count: 200_000))])
            let message = try await router.messages.one()
            #expect(message.peer == "friend")
            #expect(message.byteCount == 200_006)
            #expect(router.statistics.receivedMessages == 1)
        }
    }

    @Test func badKeysAreTypedErrors() async throws {
        try await TestBus.with { bus in
            var options = SocketOptions()
            options.security = .curveClient(keys: try CurveKeyPair.generate(), serverKey: "not a key")
            let error = await #expect(throws: MessagingError.self) {
                try await DealerSocket.connect(to: "tcp://127.0.0.1:9", on: bus.thread, options: options)
            }
            #expect(error?.code == .badOption)
        }
    }
}
