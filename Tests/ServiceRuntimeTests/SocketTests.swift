import Domain
import Messaging
import Protocol
import ServiceRuntime
import Synchronization
import Testing

/// A server and clients over real sockets.
@Suite struct SocketTests {
    private struct Bus {
        let context: MessagingContext
        let thread: SocketThread

        init() throws {
            context = try MessagingContext()
            thread = try context.makeThread(name: "test")
        }
    }

    private final class ServerBox: Sendable {
        private let state = Mutex<ServerSocket?>(nil)
        var server: ServerSocket? {
            get { state.withLock { $0 } }
            set { state.withLock { $0 = newValue } }
        }
    }

    private func echoServer(_ bus: Bus) async throws -> (ServerSocket, ServerBox) {
        let box = ServerBox()
        let server = try await ServerSocket.bind(
            "tcp://127.0.0.1:*", on: bus.thread, session: Session()
        ) { server, message in
            switch message.type {
            case .linkEcho: try? await server.reply(to: message, Outgoing(.linkEchoed))
            case .workloadStatistics: break
            default: await server.replyUnknownType(to: message)
            }
        }
        box.server = server
        return (server, box)
    }

    @Test func requestsGetTheirReplies() async throws {
        let bus = try Bus()
        let (server, box) = try await echoServer(bus)
        let client = try await ClientSocket.connect(to: server.endpoint, on: bus.thread, session: Session())
        try await withThrowingTaskGroup(of: MessageType.self) { group in
            for size in 0..<50 {
                group.addTask {
                    let message = Outgoing(
                        .linkEcho, body: LinkEcho(payloadBytes: size),
                        tensors: [Frame([UInt8](repeating: 7, count: size))])
                    return try await client.request(message, timeout: .seconds(10)).type
                }
            }
            for try await type in group { #expect(type == .linkEchoed) }
        }
        #expect(try await client.request(Outgoing(.ping), timeout: .seconds(10)).type == .pong)
        do {
            _ = try await client.request(Outgoing("no.such"), timeout: .seconds(10))
            Issue.record("an unknown type was accepted")
        } catch let error as RuntimeError {
            #expect(error.code == .refused)
            #expect(error.reported?.code == "unknown_type")
        }
        do {
            _ = try await client.request(Outgoing(.workloadStatistics), timeout: .milliseconds(50))
            Issue.record("a reply came to a message that has none")
        } catch let error as RuntimeError { #expect(error.code == .timedOut) }
        box.server = nil
        await client.close()
        await server.close()
        await bus.context.terminate()
    }

    @Test func garbageIsCountedAndDoesNoHarm() async throws {
        let bus = try Bus()
        let (server, box) = try await echoServer(bus)
        let raw = try await DealerSocket.connect(to: server.endpoint, on: bus.thread)
        try await raw.send([Frame("nonsense")])
        try await raw.send([Frame("E2LLM/1"), Frame("{"), Frame("{}")])
        try await raw.send([Frame("E2LLM/9"), Frame("{}"), Frame("{}")])
        let client = try await ClientSocket.connect(to: server.endpoint, on: bus.thread, session: Session())
        #expect(try await client.request(Outgoing(.ping), timeout: .seconds(10)).type == .pong)
        let deadline = ContinuousClock.now + .seconds(10)
        while server.damagedMessages < 3, ContinuousClock.now < deadline { await Task.yield() }
        #expect(server.damagedMessages == 3)
        box.server = nil
        await client.close()
        await raw.close()
        await server.close()
        await bus.context.terminate()
    }
}

@Suite struct EventQueueTests {
    /// Large messages pass through queues: what was handed out is not kept.
    @Test func whatWasHandedOutIsNotKept() async {
        final class Payload: Sendable {}
        let queue = EventQueue<Payload>()
        weak var kept: Payload?
        for _ in 0..<10 {
            let payload = Payload()
            kept = payload
            queue.push(payload)
            queue.push(Payload())
            _ = await queue.next()
            _ = await queue.next()
        }
        #expect(kept == nil)
    }

    private final class Counter: Sendable {
        let value = Atomic<Int>(0)
    }

    @Test func keepsOrderAndEnds() async {
        let queue = EventQueue<Int>(capacity: 4)
        for value in 0..<10 { queue.push(value) }
        queue.close()
        var seen: [Int] = []
        while let value = await queue.next() { seen.append(value) }
        #expect(seen == Array(0..<10))
    }

    @Test func sendersWaitWhileItIsFull() async {
        let (capacity, senders) = (8, 200)
        let queue = EventQueue<Int>(capacity: capacity)
        // As many as it holds are taken at once: nobody has to consume.
        for value in 0..<capacity { await queue.send(value) }
        let sent = Counter()
        let tasks = (0..<senders).map { value in
            Task {
                await queue.send(capacity + value)
                sent.value.wrappingAdd(1, ordering: .relaxed)
            }
        }
        var seen: Set<Int> = []
        while seen.count < capacity + senders, let value = await queue.next() {
            seen.insert(value)
            // Whoever has returned was let in by an event that was taken, since the queue was full before.
            #expect(sent.value.load(ordering: .relaxed) <= seen.count)
        }
        for task in tasks { await task.value }
        #expect(seen == Set(0..<capacity + senders))
        #expect(sent.value.load(ordering: .relaxed) == senders)
    }
}
