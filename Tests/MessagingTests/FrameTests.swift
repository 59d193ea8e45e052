import Messaging
import Testing

@Suite struct FrameTests {
    @Test func bytesAndElements() {
        #expect(Frame("abc").bytes == [97, 98, 99])
        #expect(Frame([UInt8]()).isEmpty)
        let values: [Int32] = [1, -2, .max, .min]
        let frame = Frame(elements: values)
        #expect(frame.count == 16)
        #expect(frame.elements(as: Int32.self) == values)
        #expect(frame.bytes.prefix(8) == [1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff])
        #expect(Frame([1, 2, 3]).elements(as: Int32.self) == nil)
        #expect(Frame([UInt8]()).elements(as: Float.self) == [])
    }

    @Test func bufferIsZeroedAndFilled() {
        let frame = Frame(byteCount: 4) { $0[1] = 7 }
        #expect(frame.bytes == [0, 7, 0, 0])
        #expect(frame.withUnsafeBytes { $0.count } == 4)
    }

    @Test func failureOfTheFillIsThrown() {
        struct Failure: Error {}
        let released = Collector<Int>()
        #expect(throws: Failure.self) {
            _ = try Frame(byteCount: 100, onRelease: { released.append(1) }, fill: { _ in throw Failure() })
        }
        #expect(released.count == 1)
    }

    @Test func identities() {
        #expect(PeerIdentity("device-1").description == "device-1")
        #expect(PeerIdentity(bytes: [0, 255]).description == "0x00ff")
        #expect(!PeerIdentity(bytes: []).isValid)
        #expect(!PeerIdentity(bytes: [0, 1]).isValid)
        #expect(!PeerIdentity(bytes: [UInt8](repeating: 1, count: 256)).isValid)
        let generated = PeerIdentity.generate(prefix: "gateway")
        #expect(generated.isValid)
        #expect(generated.bytes.count == "gateway-".utf8.count + 16)
        #expect(generated != .generate(prefix: "gateway"))
    }

    /// Every large buffer is freed exactly once, when libzmq and the receiver are done with it: copies of the frame, several
    /// receivers and undelivered messages included.
    @Test(arguments: ["tcp://127.0.0.1:*", "inproc://zero-copy"])
    func zeroCopyIsReleasedOnce(endpoint: String) async throws {
        let released = Collector<Int>()
        let size = Frame.zeroCopyThreshold * 3
        try await TestBus.with { bus in
            let router = try await RouterSocket.bind(endpoint, on: bus.thread)
            let dealer = try await DealerSocket.connect(to: router.endpoint, on: bus.thread)
            for index in 0..<20 {
                let frame = Frame(byteCount: size, onRelease: { released.append(index) }) { buffer in
                    for position in stride(from: 0, to: size, by: 997) { buffer[position] = UInt8(index) }
                }
                // The same memory twice in a message.
                try await dealer.send([frame, Frame("x"), frame])
            }
            var iterator = router.messages.makeAsyncIterator()
            for index in 0..<20 {
                let message = try #require(await iterator.next())
                #expect(message.frames.map(\.count) == [size, 1, size])
                #expect(message.frames[0].bytes[997] == UInt8(index))
                // What came in goes out again without being copied into an array.
                if index == 0, let peer = message.peer { try await router.send(message.frames, to: peer) }
            }
            let echo = try await dealer.messages.one()
            #expect(echo.frames[2].count == size)
            // Undelivered: stays queued until the context ends.
            let lost = Frame(byteCount: size, onRelease: { released.append(20) }, fill: { _ in })
            let nobody = try await DealerSocket.connect(to: "tcp://127.0.0.1:9", on: bus.thread)
            try await nobody.send([lost])
            try await nobody.send([lost])
        }
        try await eventually("all buffers are freed") { released.count >= 21 }
        #expect(released.all.sorted() == Array(0...20))
    }
}
