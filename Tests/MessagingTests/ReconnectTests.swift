import Foundation
import Messaging
import Testing

@Suite(.timeLimit(.minutes(3))) struct ReconnectTests {
    /// The router goes away and comes back on the same port: the dealer connects again under the same identity, and what a
    /// control socket was given meanwhile arrives.
    @Test func routerRestartsOnTheSamePort() async throws {
        try await TestBus.with { bus in
            var options = SocketOptions()
            options.reconnectInterval = .milliseconds(10) ... .milliseconds(50)
            options.monitorsConnections = true
            let events = Collector<SocketEvent>()
            let first = try MessagingContext()
            let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: try first.makeThread(name: "first"))
            let endpoint = router.endpoint
            let dealer = try await DealerSocket.connect(
                to: endpoint, on: bus.thread, identity: "persistent", options: options
            ) { events.append($0) }
            try await dealer.send([Frame("before")])
            #expect(try await router.messages.one().peer == "persistent")
            await first.terminate()
            try await eventually("the loss is reported") {
                events.all.contains { if case .disconnected = $0 { true } else { false } }
            }
            try await dealer.send([Frame("during")])

            let second = try await RouterSocket.bind(endpoint, on: bus.thread)
            let message = try await second.messages.one()
            #expect(message.peer == "persistent")
            #expect(message.texts == ["during"])
            try await second.send([Frame("back")], to: "persistent")
            #expect(try await dealer.messages.one().texts == ["back"])
            let connections = events.all.filter { if case .connected = $0 { true } else { false } }
            #expect(connections.count == 2)
        }
    }

    @Test func newConnectionTakesTheIdentityOver() async throws {
        try await TestBus.with { bus in
            let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: bus.thread)
            let old = try await DealerSocket.connect(to: router.endpoint, on: bus.thread, identity: "twin")
            try await old.send([Frame("old")])
            _ = try await router.messages.one()
            let new = try await DealerSocket.connect(to: router.endpoint, on: bus.thread, identity: "twin")
            try await new.send([Frame("new")])
            #expect(try await router.messages.one().texts == ["new"])
            try await router.send([Frame("for the new one")], to: "twin")
            #expect(try await new.messages.one().texts == ["for the new one"])
        }
    }

    @Test func dealerMayComeFirst() async throws {
        try await TestBus.with { bus in
            // No port of TCP: another test could take it meanwhile.
            let endpoint = "ipc://\(NSTemporaryDirectory())first-\(UUID().uuidString)"
            let dealer = try await DealerSocket.connect(to: endpoint, on: bus.thread)
            try await dealer.send([Frame("early")])
            let again = Collector<RouterSocket>()
            try await eventually("the router is there") {
                guard let router = try? await RouterSocket.bind(endpoint, on: bus.thread) else { return false }
                again.append(router)
                return true
            }
            #expect(try await #require(again.all.first).messages.one().texts == ["early"])
        }
    }
}
