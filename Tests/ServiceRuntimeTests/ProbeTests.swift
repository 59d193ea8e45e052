import Messaging
import Protocol
import ServiceRuntime
import Testing

/// Learning at once that a peer's process has gone.
@Suite(.timeLimit(.minutes(2))) struct ProbeTests {
    @Test func closedPeerIsReportedAndTheOtherIsNot() async throws {
        try await withThread { context, thread in
            let (lost, heard, bothered) = (
                Collector<PeerIdentity>(), Collector<WireMessage>(), Collector<MessageType>()
            )
            let server = try await ServerSocket.bind(
                "tcp://127.0.0.1:*", on: thread, session: Session(), onUnroutable: { lost.append($0) },
                handler: { heard.append($1) })
            let clientThread = try context.makeThread(name: "clients")
            var clients: [ClientSocket] = []
            for name in ["stays", "goes"] {
                clients.append(
                    try await ClientSocket.connect(
                        to: server.endpoint, on: clientThread, session: Session(), name: name,
                        handler: { bothered.append($0.type) }))
                try await clients[clients.count - 1].send(Outgoing(.stateGet))
            }
            try await eventually("both are known") { heard.all.count == 2 }
            let peers = heard.all.compactMap(\.peer)
            let goes = try #require(peers.first { $0.description.hasPrefix("goes") })
            for peer in peers { #expect(server.probe(peer)) }
            // Two questions, two pongs.
            try await eventually("the pongs are there") { server.statistics.receivedMessages == 4 }
            #expect(lost.all.isEmpty)

            await clients[1].close()
            let closed = ContinuousClock.now
            try await eventually(within: .seconds(20), "the probe says so") {
                for peer in peers { _ = server.probe(peer) }
                return !lost.all.isEmpty
            }
            #expect(ContinuousClock.now - closed < .milliseconds(300))
            #expect(Set(lost.all) == [goes])
            #expect(heard.all.count == 2, "pongs reach no handler")
            #expect(bothered.all.isEmpty, "pings reach no handler")
            #expect(try await clients[0].request(Outgoing(.ping), timeout: .seconds(10)).type == .pong)
            await clients[0].close()
            await server.close()
        }
    }

    /// Nobody has to ask all the time: the end of a connection is told, and the next probes say whose it was.
    @Test func theEndOfAConnectionIsTold() async throws {
        try await withThread { context, thread in
            let (lost, ended, heard) = (
                Collector<PeerIdentity>(), Collector<Bool>(), Collector<WireMessage>()
            )
            let server = try await ServerSocket.bind(
                "tcp://127.0.0.1:*", on: thread, session: Session(), onUnroutable: { lost.append($0) },
                onDisconnected: { ended.append(true) }, handler: { heard.append($1) })
            let client = try await ClientSocket.connect(
                to: server.endpoint, on: try context.makeThread(name: "client"), session: Session(), name: "goes")
            try await client.send(Outgoing(.stateGet))
            try await eventually("it is known") { heard.all.count == 1 }
            #expect(ended.all.isEmpty && lost.all.isEmpty)
            let goes = try #require(heard.all.first?.peer)
            await client.close()
            try await eventually(within: .seconds(20), "the end is told") { ended.all == [true] }
            let told = ContinuousClock.now
            try await eventually(within: .seconds(20), "the probe says whose") {
                _ = server.probe(goes)
                return !lost.all.isEmpty
            }
            #expect(ContinuousClock.now - told < .milliseconds(250), "for so long the scheduler asks")
            await server.close()
        }
    }

    /// What a peer has sent and the service has not read yet does not hide that it has gone; only beyond the marks, where
    /// libzmq stops to read the connection, does it take until the connection is reset or times out.
    @Test func unreadMessagesDoNotHideALoss() async throws {
        try await withThread { context, thread in
            let (lost, heard) = (Collector<PeerIdentity>(), Collector<WireMessage>())
            let gate = EventQueue<Int>()
            let server = try await ServerSocket.bind(
                "tcp://127.0.0.1:*", on: thread, session: Session(), onUnroutable: { lost.append($0) },
                handler: {
                    heard.append($1)
                    _ = await gate.next()
                })
            let raw = try await DealerSocket.connect(
                to: server.endpoint, on: try context.makeThread(name: "client"), identity: "goes")
            for id in 0..<1500 { try await raw.send(try frames(.stateGet, id: id)) }
            try await eventually("nothing more is read") { server.statistics.receivedMessages >= 1024 }
            await raw.close()
            try await eventually(within: .seconds(20), "the probe says so") {
                _ = server.probe("goes")
                return Set(lost.all) == ["goes"]
            }
            #expect(heard.all.count <= 1)
            gate.close()
            await server.close()
        }
    }

    @Test func strayPongsReachNobody() async throws {
        try await withThread { context, thread in
            let heard = Collector<MessageType>()
            let server = try await ServerSocket.bind(
                "tcp://127.0.0.1:*", on: thread, session: Session(), handler: { heard.append($1.type) })
            let raw = try await DealerSocket.connect(to: server.endpoint, on: thread)
            try await raw.send(try frames(.pong, id: 1))
            try await raw.send(try frames(.stateGet, id: 2))
            try await raw.send(try frames(.ping, id: 3))
            for await message in raw.messages {
                #expect(try WireMessage.decode(message).envelope.replyTo?.hasPrefix("3.") == true)
                break
            }
            #expect(heard.all == [.stateGet])
            await server.close()
        }
    }
}
