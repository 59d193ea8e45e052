import Messaging
import Testing

@Suite(.timeLimit(.minutes(3))) struct RouterTests {
    @Test func unroutablePeerIsAnEvent() async throws {
        try await TestBus.with { bus in
            let events = Collector<SocketEvent>()
            let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: bus.thread) { events.append($0) }
            try await router.send([Frame("anybody there?")], to: "nobody")
            try await eventually("the event") { events.count == 1 }
            guard case .unroutable(let peer, let messages) = events.all[0] else {
                Issue.record("\(events.all)")
                return
            }
            #expect(peer == "nobody")
            #expect(messages.map(\.texts) == [["anybody there?"]])
            #expect(router.statistics.unroutableMessages == 1)
            // The socket still works.
            let dealer = try await DealerSocket.connect(to: router.endpoint, on: bus.thread)
            try await dealer.send([Frame("I am")])
            #expect(try await router.messages.one().texts == ["I am"])
        }
    }

    @Test func peerThatLeftBecomesUnroutable() async throws {
        try await TestBus.with { bus in
            let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: bus.thread)
            let dealer = try await DealerSocket.connect(to: router.endpoint, on: bus.thread, identity: "guest")
            try await dealer.send([Frame("hello")])
            _ = try await router.messages.one()
            await dealer.close()
            try await eventually("the router notices") {
                try await router.send([Frame("still there?")], to: "guest")
                return router.statistics.unroutableMessages > 0
            }
        }
    }

    @Test func tooManyFramesAreDroppedAndCounted() async throws {
        try await TestBus.with { bus in
            var options = SocketOptions()
            options.maximumFrames = 5
            let events = Collector<SocketEvent>()
            let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: bus.thread, options: options) {
                events.append($0)
            }
            let dealer = try await DealerSocket.connect(to: router.endpoint, on: bus.thread, identity: "chatty")
            try await dealer.send((0..<6).map { Frame("\($0)") })
            try await dealer.send((0..<1000).map { Frame("\($0)") })
            try await dealer.send((0..<5).map { Frame("\($0)") })
            #expect(try await router.messages.one().texts == ["0", "1", "2", "3", "4"])
            #expect(router.statistics.tooManyFrames == 2)
            guard case .tooManyFrames("chatty", 6) = events.all.first else {
                Issue.record("\(events.all)")
                return
            }
        }
    }

    /// A peer that does not read holds up nobody else, and what waits for it is bounded.
    @Test func slowPeerDoesNotHoldUpOthers() async throws {
        try await TestBus.with { bus in
            var options = SocketOptions.tensor
            options.peerQueue = QueueLimit(messages: 4, bytes: 1 << 30)
            options.peerHighWaterMark = 8
            options.stallLimit = .seconds(300)
            let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: bus.thread, options: options)
            let dealerThread = try bus.context.makeThread(name: "dealers")
            let slow = try await DealerSocket.connect(
                to: router.endpoint, on: dealerThread, identity: "slow", options: options)
            let quick = try await DealerSocket.connect(
                to: router.endpoint, on: dealerThread, identity: "quick", options: options)
            slow.pauseReceiving()
            try await slow.send([Frame("here")])
            try await quick.send([Frame("here")])
            _ = await router.messages.collect(2)
            let block = Frame(byteCount: 1 << 20) { _ in }
            var queued = 0
            try await eventually("the slow peer's queue is full") {
                while queued < 1000, router.trySend([block], to: "slow") == .accepted { queued += 1 }
                try await Task.sleep(for: .milliseconds(100))
                return router.trySend([block], to: "slow") == .queueFull
            }
            #expect(queued < 200)
            for index in 0..<50 {
                try await router.send([Frame("\(index)")], to: "quick")
                #expect(try await quick.messages.one().texts == ["\(index)"])
            }
            slow.resumeReceiving()
            for _ in 0..<queued { #expect(try await slow.messages.one().byteCount == 1 << 20) }
        }
    }
}
