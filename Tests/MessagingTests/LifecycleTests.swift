import Messaging
import Testing

@Suite(.timeLimit(.minutes(3))) struct LifecycleTests {
    @Test func closingEndsSequencesAfterWhatIsBuffered() async throws {
        try await TestBus.with { bus in
            let (router, dealer) = try await bus.pair()
            try await dealer.send([Frame("1")])
            try await dealer.send([Frame("2")])
            try await eventually("both are there") { router.statistics.receivedMessages == 2 }
            await router.close()
            let rest = await router.messages.collect(10)
            #expect(rest.map(\.texts) == [["1"], ["2"]])
            let error = await #expect(throws: MessagingError.self) { try await router.send([Frame("x")], to: "y") }
            #expect(error?.code == .closed)
            await router.close()
        }
    }

    @Test func terminatingEndsWaitingConsumersAndRefusesTheRest() async throws {
        let context = try MessagingContext()
        let thread = try context.makeThread(name: "ending")
        let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: thread)
        let consumers = (0..<3).map { _ in Task { await router.messages.collect(1).count } }
        await context.terminate()
        await context.terminate()
        for consumer in consumers { #expect(await consumer.value == 0) }
        let error = await #expect(throws: MessagingError.self) {
            try await RouterSocket.bind("tcp://127.0.0.1:*", on: thread)
        }
        #expect(error?.code == .closed)
        #expect(throws: MessagingError.self) { try context.makeThread(name: "late") }
        await thread.close()
    }

    @Test func closingSendsWhatIsQueued() async throws {
        try await TestBus.with { bus in
            let link = ShapedLink(LinkShape(bytesPerSecond: .infinity, latency: .milliseconds(100)))
            let (router, dealer) = try await bus.pair(link: link)
            for index in 0..<10 { try await dealer.send([Frame("\(index)")]) }
            await dealer.close()
            #expect(await router.messages.collect(10).map { $0.texts[0] } == (0..<10).map(String.init))
        }
    }

    @Test func lingeringIsBounded() async throws {
        var options = SocketOptions.tensor
        options.linger = .milliseconds(200)
        let context = try MessagingContext()
        let thread = try context.makeThread(name: "linger")
        let absent = try await DealerSocket.connect(to: "tcp://127.0.0.1:9", on: thread, options: options)
        options.requiresConnection = false
        let other = try await DealerSocket.connect(to: "tcp://127.0.0.1:9", on: thread, options: options)
        for dealer in [absent, other] { try await dealer.send([Frame("never arrives")]) }
        let start = ContinuousClock.now
        await context.terminate()
        #expect(ContinuousClock.now - start < .seconds(3))
    }

    @Test func errorsNameTheEndpoint() async throws {
        try await TestBus.with { bus in
            let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: bus.thread)
            let taken = await #expect(throws: MessagingError.self) {
                try await RouterSocket.bind(router.endpoint, on: bus.thread)
            }
            #expect(taken?.code == .addressInUse)
            #expect(taken?.description.contains(router.endpoint) == true)
            for endpoint in [
                "nonsense", "tcp://", "tcp://127.0.0.1:99999", "udp://x", "tcp://256.1.1.1:5", "tcp://127.0.0.1:-1",
            ] {
                let bad = await #expect(throws: MessagingError.self) {
                    try await PublisherSocket.bind(endpoint, on: bus.thread)
                }
                #expect(bad?.code == .badEndpoint)
                #expect(bad?.message.contains(endpoint) == true)
            }
            await #expect(throws: MessagingError.self) {
                try await DealerSocket.connect(to: "tcp://127.0.0.1", on: bus.thread)
            }
            let identity = await #expect(throws: MessagingError.self) {
                try await DealerSocket.connect(to: router.endpoint, on: bus.thread, identity: "")
            }
            #expect(identity?.code == .badOption)
        }
        #expect(throws: MessagingError.self) { try MessagingContext(ioThreads: 0) }
    }
}
