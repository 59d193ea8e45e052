import Messaging
import Testing

@Suite(.timeLimit(.minutes(1))) struct RequestClientTests {
    /// Frames of the test's protocol: correlation, payload.
    private static func client(
        _ endpoint: String, _ bus: TestBus, options: SocketOptions = .control,
        unmatched: Collector<Message> = Collector()
    ) async throws -> RequestClient {
        try await RequestClient.connect(
            to: endpoint, on: bus.thread, options: options,
            correlation: { $0.texts.first?.hasPrefix("r") == true ? $0.texts.first : nil },
            unmatched: { unmatched.append($0) })
    }

    @Test func repliesFindTheirRequests() async throws {
        try await TestBus.with { bus in
            let unmatched = Collector<Message>()
            let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: bus.thread)
            let client = try await Self.client(router.endpoint, bus, unmatched: unmatched)
            // Answers in reverse order, with an event in between.
            let server = Task {
                let requests = await router.messages.collect(30)
                for (index, request) in requests.reversed().enumerated() {
                    guard let peer = request.peer else { continue }
                    if index == 3 { try await router.send([Frame("event")], to: peer) }
                    try await router.send(request.frames, to: peer)
                }
            }
            try await withThrowingTaskGroup { group in
                for index in 0..<30 {
                    group.addTask {
                        let reply = try await client.request(
                            [Frame("r\(index)"), Frame("payload \(index)")], correlation: "r\(index)",
                            timeout: .seconds(10))
                        #expect(reply.texts == ["r\(index)", "payload \(index)"])
                    }
                }
                try await group.waitForAll()
            }
            try await server.value
            #expect(unmatched.all.map(\.texts) == [["event"]])
            #expect(client.pendingRequests == 0)
        }
    }

    @Test func timeoutThenLateReplyIsUnmatched() async throws {
        try await TestBus.with { bus in
            let unmatched = Collector<Message>()
            let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: bus.thread)
            let client = try await Self.client(router.endpoint, bus, unmatched: unmatched)
            let error = await #expect(throws: MessagingError.self) {
                try await client.request([Frame("r1")], correlation: "r1", timeout: .milliseconds(50))
            }
            #expect(error?.code == .timedOut)
            #expect(error?.isRetriable == true)
            #expect(error?.description.contains(router.endpoint) == true)
            #expect(client.pendingRequests == 0)
            let request = try await router.messages.one()
            try await router.send(request.frames, to: try #require(request.peer))
            try await eventually("the late reply") { unmatched.count == 1 }
        }
    }

    @Test func cancelledAndDuplicateRequests() async throws {
        try await TestBus.with { bus in
            let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: bus.thread)
            let client = try await Self.client(router.endpoint, bus)
            let waiting = Task {
                try await client.request([Frame("r1")], correlation: "r1", timeout: .seconds(60))
            }
            try await eventually("it waits") { client.pendingRequests == 1 }
            let duplicate = await #expect(throws: MessagingError.self) {
                try await client.request([Frame("r1")], correlation: "r1", timeout: .seconds(60))
            }
            #expect(duplicate?.code == .duplicateCorrelation)
            waiting.cancel()
            let cancelled = await #expect(throws: MessagingError.self) { try await waiting.value }
            #expect(cancelled?.code == .cancelled)
            #expect(client.pendingRequests == 0)
            // Already cancelled when it starts.
            let late = Task {
                while !Task.isCancelled { await Task.yield() }
                return try await client.request([Frame("r2")], correlation: "r2", timeout: .seconds(60))
            }
            late.cancel()
            let error = await #expect(throws: MessagingError.self) { try await late.value }
            #expect(error?.code == .cancelled)
        }
    }

    @Test(arguments: [true, false])
    func closingFailsWaitingRequests(closesClient: Bool) async throws {
        try await TestBus.with { bus in
            let thread = try bus.context.makeThread(name: "client")
            let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: bus.thread)
            let client = try await RequestClient.connect(to: router.endpoint, on: thread, correlation: { _ in nil })
            let waiting = (0..<10).map { index in
                Task { try await client.request([Frame("x")], correlation: "r\(index)", timeout: .seconds(60)) }
            }
            try await eventually("all wait") { client.pendingRequests == 10 }
            if closesClient { await client.close() } else { await thread.close() }
            for task in waiting {
                let error = await #expect(throws: MessagingError.self) { try await task.value }
                #expect(error?.code == .closed)
            }
            let error = await #expect(throws: MessagingError.self) {
                try await client.request([Frame("x")], correlation: "late", timeout: .seconds(60))
            }
            #expect(error?.code == .closed)
        }
    }

    @Test func requestsSurviveARestartOfThePeer() async throws {
        try await TestBus.with { bus in
            var options = SocketOptions()
            options.reconnectInterval = .milliseconds(10) ... .milliseconds(50)
            let first = try MessagingContext()
            let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: try first.makeThread(name: "first"))
            let endpoint = router.endpoint
            let client = try await Self.client(endpoint, bus, options: options)
            try await client.send([Frame("hello")])
            _ = try await router.messages.one()
            await first.terminate()
            let waiting = Task {
                try await client.request([Frame("r1")], correlation: "r1", timeout: .seconds(30))
            }
            try await eventually("it waits") { client.pendingRequests == 1 }
            let second = try await RouterSocket.bind(endpoint, on: bus.thread)
            let request = try await second.messages.one()
            try await second.send(request.frames, to: try #require(request.peer))
            #expect(try await waiting.value.texts == ["r1"])
        }
    }

    @Test func fullQueueFailsAtOnce() async throws {
        try await TestBus.with { bus in
            var options = SocketOptions.tensor
            options.sendQueue = QueueLimit(messages: 1, bytes: 1000)
            let client = try await Self.client("tcp://127.0.0.1:9", bus, options: options)
            try await client.send([Frame("fills the queue")])
            let error = await #expect(throws: MessagingError.self) {
                try await client.request([Frame("r1")], correlation: "r1", timeout: .seconds(60))
            }
            #expect(error?.code == .queueFull)
            #expect(client.pendingRequests == 0)
        }
    }
}
