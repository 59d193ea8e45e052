import Messaging
import Protocol
import ServiceRuntime
import Testing

/// A service that is away costs its clients no more than their queue.
@Suite(.timeLimit(.minutes(1))) struct AbsentPeerTests {
    private func absent(on thread: SocketThread) async throws -> ClientSocket {
        var options = SocketOptions.tensor
        options.sendQueue = QueueLimit(messages: 3, bytes: 1 << 20)
        return try await ClientSocket.connect(
            to: "tcp://127.0.0.1:9", on: thread, session: Session(), options: options)
    }

    @Test func requestsThatEndedDoNotWaitInLine() async throws {
        try await withThread { _, thread in
            let client = try await absent(on: thread)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask { _ = try? await client.request(Outgoing(.ping), timeout: .milliseconds(50)) }
                }
            }
            try await eventually("only the queue is left") { client.statistics.queuedMessages <= 3 }
            await client.close()
        }
    }

    @Test func answersAreNotWaitedFor() async throws {
        try await withThread { _, thread in
            let client = try await absent(on: thread)
            while client.trySend(Outgoing(.ping)) {}
            let question = try WireMessage.decode(Message(frames: try frames(.stateGet, id: 1)))
            let error = await #expect(throws: MessagingError.self) {
                try await client.reply(to: question, Outgoing(.schedulerState))
            }
            #expect(error?.code == .queueFull)
            await client.close()
        }
    }
}
