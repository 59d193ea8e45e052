import Foundation
import NIOCore
import NIOPosix

/// One connection to the gateway, byte by byte, so that tests see what is really sent.
actor RawConnection {
    private let channel: any Channel
    private let chunks: AsyncStream<[UInt8]>
    private var buffer: [UInt8] = []
    private(set) var hasEnded = false

    private init(channel: any Channel, chunks: AsyncStream<[UInt8]>) {
        self.channel = channel
        self.chunks = chunks
    }

    static func open(port: Int) async throws -> RawConnection {
        let (stream, continuation) = AsyncStream.makeStream(of: [UInt8].self)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.pipeline.addHandler(Receiver(continuation))
            }
            .channelOption(ChannelOptions.allowRemoteHalfClosure, value: false)
            .connect(host: "127.0.0.1", port: port).get()
        return RawConnection(channel: channel, chunks: stream)
    }

    func send(_ text: String) async throws {
        try await channel.writeAndFlush(ByteBuffer(string: text)).get()
    }

    func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get() }

    func close() async { try? await channel.close().get() }

    /// Ends the connection without saying goodbye, as a client does that crashes.
    func reset() async throws {
        guard let options = channel as? any SocketOptionProvider else { throw Unexpected(what: "no socket") }
        try await options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        try await channel.close().get()
    }

    /// Says that nothing more is sent, and goes on reading.
    func closeOutput() async throws { try await channel.close(mode: .output).get() }

    /// The text up to and including a marker.
    func read(through marker: String) async throws -> String {
        let bytes = Array(marker.utf8)
        var start = 0
        while true {
            while start + bytes.count <= buffer.count {
                if buffer[start..<start + bytes.count].elementsEqual(bytes) {
                    return take(start + bytes.count)
                }
                start += 1
            }
            guard await more() else { throw Unexpected(what: "the connection ended before \(marker.debugDescription)") }
        }
    }

    /// A number of bytes.
    func read(count: Int) async throws -> String {
        while buffer.count < count {
            guard await more() else { throw Unexpected(what: "the connection ended") }
        }
        return take(count)
    }

    /// Everything until the connection ends.
    func readToEnd() async -> String {
        while await more() {}
        return take(buffer.count)
    }

    private func take(_ count: Int) -> String {
        defer { buffer.removeFirst(count) }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    private func more() async -> Bool {
        var iterator = chunks.makeAsyncIterator()
        guard let chunk = await iterator.next(isolation: self) else {
            hasEnded = true
            return false
        }
        buffer += chunk
        return true
    }

    private final class Receiver: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        private let continuation: AsyncStream<[UInt8]>.Continuation

        init(_ continuation: AsyncStream<[UInt8]>.Continuation) { self.continuation = continuation }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            continuation.yield(Array(unwrapInboundIn(data).readableBytesView))
        }

        func channelInactive(context: ChannelHandlerContext) { continuation.finish() }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

/// A whole answer.
struct HTTPAnswer: Sendable {
    var status: Int
    var headers: [String: String]
    var body: String
}

extension RawConnection {
    /// Sends a request and reads its answer; the connection stays open.
    func ask(
        _ method: String, _ path: String, body: String? = nil, headers: [String: String] = [:]
    ) async throws -> HTTPAnswer {
        try await send(Self.text(method, path, body: body, headers: headers))
        return try await answer(hasBody: method != "HEAD")
    }

    static func text(_ method: String, _ path: String, body: String?, headers: [String: String]) -> String {
        var text = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if let body {
            if headers["Content-Type"] == nil { text += "Content-Type: application/json\r\n" }
            text += "Content-Length: \(body.utf8.count)\r\n"
        }
        return text + "\r\n" + (body ?? "")
    }

    /// Reads the head of an answer: status and headers by lower-case name.
    func head() async throws -> HTTPAnswer {
        let lines = try await read(through: "\r\n\r\n").split(separator: "\r\n")
        let status = lines.first.flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Int($0) }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            headers[line[..<colon].lowercased()] = value
        }
        guard let status else { throw Unexpected(what: "no status line") }
        return HTTPAnswer(status: status, headers: headers, body: "")
    }

    /// Reads an answer with its body.
    func answer(hasBody: Bool = true) async throws -> HTTPAnswer {
        var answer = try await head()
        guard hasBody else { return answer }
        if answer.headers["transfer-encoding"] == "chunked" {
            while let chunk = try await chunk() { answer.body += chunk }
        } else if let length = answer.headers["content-length"].flatMap({ Int($0) }) {
            answer.body = try await read(count: length)
        }
        return answer
    }

    /// Reads one chunk of a chunked body; `nil` at its end.
    func chunk() async throws -> String? {
        // The two bytes of a line's end are one Character.
        let size = try await read(through: "\r\n").dropLast()
        guard let count = Int(size, radix: 16) else { throw Unexpected(what: "chunk size \(size)") }
        let text = try await read(count: count + 2)
        return count == 0 ? nil : String(text.dropLast())
    }
}
