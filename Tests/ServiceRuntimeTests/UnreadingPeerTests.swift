import Messaging
import Protocol
import ServiceRuntime
import Testing

/// A peer that asks and never reads harms nobody but itself.
@Suite(.serialized, .timeLimit(.minutes(3))) struct UnreadingPeerTests {
    private static let pings = 30_000

    /// Small limits, so that a test reaches them soon.
    private static let options: SocketOptions = {
        var options = SocketOptions()
        options.peerQueue = QueueLimit(messages: 256, bytes: 8 << 20)
        options.allPeersQueue = QueueLimit(messages: 512, bytes: 8 << 20)
        return options
    }()

    private func unreading(_ endpoint: String, _ name: String, on thread: SocketThread) async throws -> DealerSocket {
        var options = SocketOptions()
        options.receiveHighWaterMark = 1
        options.linger = .zero
        let dealer = try await DealerSocket.connect(
            to: endpoint, on: thread, identity: PeerIdentity(name), options: options)
        dealer.pauseReceiving()
        return dealer
    }

    private func expectAnswers(_ client: ClientSocket, _ when: Comment) async throws {
        for _ in 0..<20 {
            #expect(try await client.request(Outgoing(.ping), timeout: .seconds(10)).type == .pong, when)
        }
    }

    @Test(arguments: [1, 4]) func othersGetTheirAnswersMeanwhileAndAfterwards(hostile: Int) async throws {
        // More than the buffers of the operating system take.
        let pings = hostile == 1 ? 2 * Self.pings : Self.pings
        try await withThread { context, thread in
            let lost = Collector<PeerIdentity>()
            let server = try await ServerSocket.bind(
                "tcp://127.0.0.1:*", on: thread, session: Session(), options: Self.options,
                onUnroutable: { lost.append($0) }, handler: { _, _ in })
            let good = try await ClientSocket.connect(
                to: server.endpoint, on: try context.makeThread(name: "good"), session: Session())
            try await expectAnswers(good, "before")

            let badThread = try context.makeThread(name: "bad")
            var dealers: [DealerSocket] = []
            for index in 0..<hostile {
                dealers.append(try await unreading(server.endpoint, "bad\(index)", on: badThread))
            }
            let senders = dealers.map { dealer in
                Task {
                    for id in 0..<pings {
                        try await dealer.send(try frames(.ping, id: id))
                        // Sending suspends only where the queue is full, and the threads of tasks are few.
                        if id % 16 == 0 { await Task.yield() }
                    }
                }
            }
            var most = 0
            try await eventually(within: .seconds(60), "everything has been read, and refused where it had to be") {
                try await expectAnswers(good, "meanwhile")
                most = max(most, server.statistics.queuedMessages)
                return server.statistics.receivedMessages >= hostile * pings
            }
            for sender in senders { try await sender.value }
            try await expectAnswers(good, "while nothing is read")
            #expect(server.statistics.refusedMessages > 0)
            #expect(most <= 512, "what waits for the peers is bounded")

            for dealer in dealers { await dealer.close() }
            try await expectAnswers(good, "after they have gone")
            try await eventually("nothing waits for them, and they are reported") {
                server.statistics.queuedMessages == 0 && !lost.all.isEmpty
            }
            #expect(Set(lost.all).isSubset(of: dealers.map(\.identity)))
            await good.close()
            await server.close()
        }
    }

    /// The peer stays connected and does not read: it is given up after the limit. Reading again, it gets new messages.
    @Test func peerWithoutProgressIsGivenUp() async throws {
        try await withThread { context, thread in
            var options = Self.options
            options.stallLimit = .milliseconds(300)
            let lost = Collector<PeerIdentity>()
            let server = try await ServerSocket.bind(
                "tcp://127.0.0.1:*", on: thread, session: Session(), options: options,
                onUnroutable: { lost.append($0) }, handler: { _, _ in })
            let bad = try await unreading(server.endpoint, "bad", on: try context.makeThread(name: "bad"))
            for id in 0..<Self.pings { try await bad.send(try frames(.ping, id: id)) }
            try await eventually("it is given up") { lost.all.contains("bad") && server.statistics.queuedMessages == 0 }
            #expect(server.statistics.stalledMessages > 0)

            bad.resumeReceiving()
            var last = -1
            for await message in bad.messages {
                let pong = try WireMessage.decode(message)
                let id = try #require(pong.envelope.replyTo?.split(separator: ".").first.flatMap { Int($0) })
                #expect(id > last, "order is kept, whatever was dropped")
                last = id
                if id >= Self.pings { break }
                if server.statistics.queuedMessages == 0 { try await bad.send(try frames(.ping, id: Self.pings + id)) }
            }
            #expect(last >= Self.pings)
            await server.close()
        }
    }
}
