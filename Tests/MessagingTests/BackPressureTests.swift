import Messaging
import Testing

@Suite(.timeLimit(.minutes(3))) struct BackPressureTests {
    /// The consumer is slower than the sender: the sender waits, memory stays bounded, everything arrives in order.
    @Test func slowConsumerLosesNothing() async throws {
        try await TestBus.with { bus in
            var options = SocketOptions.tensor
            options.sendQueue = QueueLimit(messages: 4, bytes: 8 << 20)
            options.receiveQueue = QueueLimit(messages: 4, bytes: 8 << 20)
            let (router, dealer) = try await bus.pair(
                options: options, dealerThread: try bus.context.makeThread(name: "sender"))
            let sent = Collector<Int>()
            let sender = Task {
                for index in 0..<400 {
                    try await dealer.send([Frame(elements: [Int64](repeating: Int64(index), count: 131_072))])
                    sent.append(index)
                }
            }
            // Nobody consumes: sending comes to a stop by itself, far below the 400 MB that want to go.
            var last = -1
            try await eventually("sending stops") {
                let before = last
                last = sent.count
                try await Task.sleep(for: .milliseconds(150))
                return last > 0 && last == before && sent.count == last
            }
            #expect(sent.count < 100)
            #expect(dealer.statistics.queuedMessages <= 5)
            #expect(router.statistics.receivedMessages <= 5)
            var iterator = router.messages.makeAsyncIterator()
            for index in 0..<400 {
                let frame = try #require(await iterator.next()?.frames.first)
                let first = frame.withUnsafeBytes { $0.loadUnaligned(as: Int64.self) }
                #expect(first == Int64(index))
            }
            try await sender.value
        }
    }

    @Test func trySendSaysFullAndSendCanBeCancelled() async throws {
        try await TestBus.with { bus in
            var options = SocketOptions.tensor
            options.sendQueue = QueueLimit(messages: 2, bytes: 1 << 20)
            // Nobody is there, and a tensor socket takes nothing for the absent beyond its queue.
            let dealer = try await DealerSocket.connect(to: "tcp://127.0.0.1:9", on: bus.thread, options: options)
            #expect(dealer.trySend([Frame("1")]) == .accepted)
            #expect(dealer.trySend([Frame("2")]) == .accepted)
            #expect(dealer.trySend([Frame("3")]) == .queueFull)
            let waiting = Task { try await dealer.send([Frame("4")]) }
            try await eventually("it waits in line") { dealer.statistics.queuedMessages == 3 }
            waiting.cancel()
            await #expect(throws: MessagingError.self) { try await waiting.value }
            #expect(dealer.statistics.queuedMessages == 2)
            let other = Task { try await dealer.send([Frame("5")]) }
            try await eventually("it waits in line") { dealer.statistics.queuedMessages == 3 }
            await dealer.close()
            let error = await #expect(throws: MessagingError.self) { try await other.value }
            #expect(error?.code == .closed)
            #expect(dealer.trySend([Frame("6")]) == .closed)
        }
    }

    @Test func cancelledConsumerEndsAndTheNextOneGoesOn() async throws {
        try await TestBus.with { bus in
            let (router, dealer) = try await bus.pair()
            let consumer = Task { await router.messages.collect(1).count }
            consumer.cancel()
            #expect(await consumer.value == 0)
            try await dealer.send([Frame("for the next")])
            #expect(try await router.messages.one().texts == ["for the next"])
        }
    }
}
