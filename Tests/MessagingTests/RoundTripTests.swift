import Foundation
import Messaging
import Testing

@Suite(.timeLimit(.minutes(3))) struct RoundTripTests {
    @Test(arguments: ["tcp", "ipc", "inproc"])
    func requestAndReply(transport: String) async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "e2llm-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let endpoint = ["tcp": "tcp://127.0.0.1:*", "ipc": "ipc://\(path)"][transport] ?? "inproc://round-trip"
        try await TestBus.with { bus in
            let router = try await RouterSocket.bind(endpoint, on: bus.thread)
            #expect(!router.endpoint.contains("*"))
            let dealer = try await DealerSocket.connect(to: router.endpoint, on: bus.thread, identity: "worker-7")
            try await dealer.send([Frame("hello"), Frame([UInt8]()), Frame(elements: [1.5 as Float, 2.5])])
            let request = try await router.messages.one()
            #expect(request.peer == "worker-7")
            #expect(request.frames.map(\.count) == [5, 0, 8])
            #expect(request.frames[2].elements(as: Float.self) == [1.5, 2.5])
            try await router.send([Frame("welcome")], to: try #require(request.peer))
            let reply = try await dealer.messages.one()
            #expect(reply.texts == ["welcome"])
            #expect(reply.peer == nil)
            #expect(router.statistics.receivedMessages == 1)
            #expect(router.statistics.receivedBytes == 13)
            try await eventually("the reply is counted") { router.statistics.sentMessages == 1 }
        }
    }

    @Test func frameSizesAroundTheThresholds() async throws {
        try await TestBus.with { bus in
            let (router, dealer) = try await bus.pair()
            let sizes = [0, 1, 32, 33, 34, 255, 256, 8191, 8192, 8193, 65535, 65536, 65537, 3_000_000]
            for size in sizes {
                let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ size) }
                try await dealer.send([Frame(bytes), Frame(elements: bytes)])
                let message = try await router.messages.one()
                #expect(message.frames.count == 2)
                #expect(message.frames.allSatisfy { $0.bytes == bytes }, "\(size) bytes")
            }
        }
    }

    @Test func handlerReceivesOnTheThread() async throws {
        try await TestBus.with { bus in
            let received = Collector<Message>()
            let router = try await RouterSocket.bind(
                "tcp://127.0.0.1:*", on: bus.thread, receiver: .handler { received.append($0) })
            let dealer = try await DealerSocket.connect(to: router.endpoint, on: bus.thread)
            for index in 0..<100 { try await dealer.send([Frame("\(index)")]) }
            try await eventually("all have come") { received.count == 100 }
            #expect(received.all.map { $0.texts[0] } == (0..<100).map(String.init))
            router.pauseReceiving()
            try await dealer.send([Frame("later")])
            try await eventually("it has left") { dealer.statistics.sentMessages == 101 }
            router.resumeReceiving()
            try await eventually("it has come") { received.count == 101 }
        }
    }

    @Test func twentyThousandSmallMessages() async throws {
        try await TestBus.with { bus in
            let (router, dealer) = try await bus.pair(dealerThread: try bus.context.makeThread(name: "dealer"))
            let count = 20_000
            let start = ContinuousClock.now
            async let sending: Void = {
                for index in 0..<count { try await dealer.send([Frame(elements: [Int32(index)])]) }
            }()
            let messages = await router.messages.collect(count)
            try await sending
            let elapsed = ContinuousClock.now - start
            #expect(messages.map { $0.frames[0].elements(as: Int32.self) } == (0..<count).map { [Int32($0)] })
            #expect(elapsed < .seconds(10), "\(elapsed)")
        }
    }

    /// libzmq itself takes addresses and interfaces only.
    @Test(arguments: ["tcp://localhost:*", "tcp://[::1]:*", "tcp://127.0.0.1:*"])
    func namesAndBothFamiliesCanBeBound(endpoint: String) async throws {
        try await TestBus.with { bus in
            let router: RouterSocket
            do {
                router = try await RouterSocket.bind(endpoint, on: bus.thread)
            } catch  where endpoint.contains("::1") {
                // Containers may have no IPv6.
                return
            }
            let dealer = try await DealerSocket.connect(to: router.endpoint, on: bus.thread)
            try await echo("x", dealer, router)
            let byName = try await DealerSocket.connect(
                to: endpoint.replacing("*", with: "\(port(of: router.endpoint))"), on: bus.thread)
            try await echo("y", byName, router)
        }
    }

    @Test(arguments: ["tcp://noport", "tcp://", "tcp", "tcp://:", "tcp://[::1", "tcp://a:b:c", ":"])
    func damagedEndpointsAreRefused(endpoint: String) async throws {
        try await TestBus.with { bus in
            let error = await #expect(throws: MessagingError.self) {
                try await RouterSocket.bind(endpoint, on: bus.thread)
            }
            #expect(error != nil)
        }
    }

    @Test func unknownNamesCannotBeBound() async throws {
        try await TestBus.with { bus in
            let error = await #expect(throws: MessagingError.self) {
                try await RouterSocket.bind("tcp://nosuch.invalid:*", on: bus.thread)
            }
            #expect(error?.code == .badEndpoint && error?.message.contains("nosuch.invalid") == true)
        }
    }

    @Test func manyDealersOneRouter() async throws {
        try await TestBus.with { bus in
            let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: bus.thread)
            let echo = Task {
                for await message in router.messages {
                    if let peer = message.peer { try await router.send(message.frames, to: peer) }
                }
            }
            try await withThrowingTaskGroup { group in
                for index in 0..<20 {
                    let dealer = try await DealerSocket.connect(to: router.endpoint, on: bus.thread)
                    group.addTask {
                        for round in 0..<50 {
                            try await dealer.send([Frame("\(index)/\(round)")])
                            #expect(try await dealer.messages.one().texts == ["\(index)/\(round)"])
                        }
                    }
                }
                try await group.waitForAll()
            }
            await router.close()
            try await echo.value
        }
    }
}
