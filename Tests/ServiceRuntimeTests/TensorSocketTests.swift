import Domain
import Foundation
import Messaging
import Protocol
import ServiceRuntime
import Testing

/// Data sockets as workers use them: both ends with `SocketOptions.tensor`.
@Suite(.timeLimit(.minutes(3))) struct TensorSocketTests {
    /// What one connection may hold besides libzmq's queues: the buffers of the operating system.
    private static let systemBytes = ["rmem", "wmem"].reduce(1 << 20) { sum, name in
        // The third number is how far the system lets the buffer of a connection grow.
        let text = (try? String(contentsOfFile: "/proc/sys/net/ipv4/tcp_\(name)", encoding: .utf8)) ?? ""
        return sum + (text.split(whereSeparator: \.isWhitespace).last.flatMap { Int($0) } ?? 6 << 20)
    }

    private func block(_ index: Int, byteCount: Int) -> Outgoing {
        let body = LinkEcho(payloadBytes: byteCount)
        return Outgoing(
            .linkEcho, seq: UInt64(index), body: body, tensors: [Frame([UInt8](repeating: 7, count: byteCount))])
    }

    /// A server that records the numbers of messages and, given a gate, waits for it before each.
    private func recorder(
        _ endpoint: String, on thread: SocketThread, gate: EventQueue<Int>? = nil, _ seen: Collector<Int>
    ) async throws -> ServerSocket {
        try await ServerSocket.bind(endpoint, on: thread, session: Session(), options: .tensor) { _, message in
            if let gate { _ = await gate.next() }
            seen.append(Int(message.envelope.seq ?? 0))
        }
    }

    /// The receiver stops: the sender waits, what is on the way is bounded, and nothing is lost.
    @Test(arguments: [(1 << 20, 200), (64 << 10, 3000)])
    func receiverThatStopsHoldsTheSenderBack(byteCount: Int, count: Int) async throws {
        try await withThread { context, thread in
            let (seen, gate, sent) = (Collector<Int>(), EventQueue<Int>(), Number())
            let server = try await recorder("tcp://127.0.0.1:*", on: thread, gate: gate, seen)
            let client = try await ClientSocket.connect(
                to: server.endpoint, on: try context.makeThread(name: "sender"), session: Session(), options: .tensor,
                link: ShapedLink(LinkShape(bytesPerSecond: 2e9, latency: .microseconds(100))))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for index in 0..<count {
                        try await client.send(block(index, byteCount: byteCount))
                        sent.value = index + 1
                    }
                }
                var last = -1
                try await eventually("sending stops") {
                    let before = last
                    last = sent.value
                    try await Task.sleep(for: .milliseconds(300))
                    return last > 0 && last == before && sent.value == last
                }
                let options = SocketOptions.tensor
                let queues = [options.sendQueue, options.receiveQueue].reduce(0) {
                    $0 + min($1.bytes + byteCount, $1.messages * byteCount)
                }
                let marks = (options.sendHighWaterMark + options.receiveHighWaterMark) * byteCount
                #expect(last < count && last * byteCount <= queues + marks + Self.systemBytes, "\(last)")
                gate.close()
                try await group.waitForAll()
            }
            try await eventually("all arrive") { seen.all.count == count }
            #expect(seen.all == Array(0..<count))
            await client.close()
            await server.close()
        }
    }

    /// The peer's process ends and another takes its endpoint: what is sent afterwards arrives, nothing twice.
    @Test func peerRestartsOnTheSameEndpoint() async throws {
        try await withThread { context, thread in
            let (first, second) = (Collector<Int>(), Collector<Int>())
            let firstContext = try MessagingContext()
            let server = try await recorder(
                "tcp://127.0.0.1:*", on: try firstContext.makeThread(name: "first"), first)
            let client = try await ClientSocket.connect(
                to: server.endpoint, on: thread, session: Session(), options: .tensor)
            var next = 0
            func send() async throws {
                try await client.send(block(next, byteCount: 20_000))
                next += 1
            }
            while first.all.count < 50 { try await send() }
            await firstContext.terminate()
            // More than is lost with the connection: sending waits for the peer then.
            let stopped = Number()
            try await withThrowingTaskGroup(of: Void.self) { group in
                let start = next
                group.addTask {
                    for index in start..<(start + 500) {
                        try await client.send(block(index, byteCount: 20_000))
                        stopped.value = index
                    }
                }
                // How many fit depends on how far the sender was ahead when the connection ended.
                var last = -1
                try await eventually("sending waits") {
                    let before = last
                    last = stopped.value
                    try await Task.sleep(for: .milliseconds(300))
                    return last == before && stopped.value == last
                }
                let again = Collector<ServerSocket>()
                try await eventually("the port is free again") {
                    guard let server = try? await recorder(server.endpoint, on: thread, second) else { return false }
                    again.append(server)
                    return true
                }
                let restarted = ContinuousClock.now
                try await eventually("the connection is made again") { !second.all.isEmpty }
                #expect(ContinuousClock.now - restarted < .seconds(2))
                try await group.waitForAll()
                try await eventually("the last one arrives") { second.all.last == start + 499 }
                await again.all.first?.close()
            }
            let all = first.all + second.all
            #expect(zip(all, all.dropFirst()).allSatisfy { $0 < $1 }, "in order, nothing twice")
            // What was in libzmq's queue or in the buffers when the connection ended is lost; nothing after it is.
            let from = try #require(second.all.first)
            #expect(second.all == Array(from..<(from + second.all.count)))
            await client.close()
            await server.close()
        }
    }

    @Test func echoesOverAShapedLink() async throws {
        try await withThread { context, thread in
            let holder = ServerHolder()
            let server = try await ServerSocket.bind(
                "tcp://127.0.0.1:*", on: thread, session: Session(), options: .tensor
            ) { server, message in try? await server.reply(to: message, Outgoing(.linkEchoed)) }
            holder.set(server)
            let link = ShapedLink(LinkShape(bytesPerSecond: 20e6, latency: .milliseconds(2)))
            let client = try await ClientSocket.connect(
                to: server.endpoint, on: try context.makeThread(name: "client"), session: Session(), options: .tensor,
                link: link)
            for byteCount in [0, 1000, 1 << 20] {
                let start = ContinuousClock.now
                let reply = try await client.request(block(1, byteCount: byteCount), timeout: .seconds(10))
                #expect(reply.type == .linkEchoed)
                #expect(ContinuousClock.now - start >= .seconds(Double(byteCount) / 20e6) + .milliseconds(2))
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                let start = ContinuousClock.now
                for index in 0..<200 {
                    group.addTask {
                        _ = try await client.request(block(index, byteCount: 10_000), timeout: .seconds(20))
                    }
                }
                try await group.waitForAll()
                #expect(ContinuousClock.now - start >= .milliseconds(100))
            }
            holder.set(nil)
            await client.close()
            await server.close()
        }
    }
}
