import Foundation
import Glibc

/// A small HTTP/1.1 client for a server on this machine: one request a connection, the body as a stream of lines. It blocks
/// threads of its own, never those of Swift's pool.
enum HTTPClient {
    struct Response: Sendable {
        var status: Int
        var body: String

        /// The message of an error body in OpenAI's shape.
        var errorMessage: String? {
            struct Wrapper: Decodable {
                struct Inner: Decodable { var message: String }
                var error: Inner
            }
            return (try? JSONDecoder().decode(Wrapper.self, from: Data(body.utf8)))?.error.message
        }
    }

    /// What a streamed response consists of.
    enum Event: Sendable {
        case status(Int)
        case line(String)
        case failed(String)
    }

    /// Fetches a small resource; `nil` where nobody answers within two seconds.
    static func get(_ url: String, headers: [String: String] = [:]) async -> Response? {
        var status = 0
        var lines: [String] = []
        for await event in stream("GET", url, body: nil, headers: headers, timeoutSeconds: 2) {
            switch event {
            case .status(let code): status = code
            case .line(let line): lines.append(line)
            case .failed: return nil
            }
        }
        return status == 0 ? nil : Response(status: status, body: lines.joined(separator: "\n"))
    }

    /// Sends a request and hands out the lines of the answer as they come. Ending the iteration closes the connection.
    static func stream(
        _ method: String, _ url: String, body: Data?, headers: [String: String], timeoutSeconds: Int = 600
    ) -> AsyncStream<Event> {
        AsyncStream { continuation in
            let connection = Connection(timeoutSeconds: timeoutSeconds)
            continuation.onTermination = { _ in connection.shutDown() }
            let thread = Thread {
                do {
                    try connection.exchange(method, url, body, headers) { continuation.yield($0) }
                } catch {
                    continuation.yield(.failed("\(error)"))
                }
                continuation.finish()
            }
            thread.start()
        }
    }
}

/// One connection. The descriptor is closed by the thread that uses it; other threads only shut it down, under a lock.
private final class Connection: @unchecked Sendable {
    // Invariant: `descriptor` is read and written under `lock`; everything else belongs to the exchanging thread.
    private let lock = NSLock()
    private var descriptor: Int32 = -1
    private let timeoutSeconds: Int
    private var buffer: [UInt8] = []

    init(timeoutSeconds: Int) { self.timeoutSeconds = timeoutSeconds }

    func shutDown() {
        lock.withLock { if descriptor >= 0 { shutdown(descriptor, Int32(SHUT_RDWR)) } }
    }

    func exchange(
        _ method: String, _ url: String, _ body: Data?, _ headers: [String: String], _ yield: (HTTPClient.Event) -> Void
    ) throws {
        guard let parts = URLComponents(string: url), let host = parts.host else {
            throw Failure(.usage, "\(url) is no HTTP address")
        }
        try open(host, parts.port ?? 80)
        defer {
            lock.withLock {
                close(descriptor)
                descriptor = -1
            }
        }
        var request =
            "\(method) \(parts.path.isEmpty ? "/" : parts.path) HTTP/1.1\r\nhost: \(host):\(parts.port ?? 80)\r\n"
        request += "connection: close\r\ncontent-length: \(body?.count ?? 0)\r\n"
        if body != nil { request += "content-type: application/json\r\n" }
        for (name, value) in headers { request += "\(name): \(value)\r\n" }
        try send(Array((request + "\r\n").utf8) + Array(body ?? Data()))

        let statusLine = try readLine() ?? ""
        let fields = statusLine.split(separator: " ")
        guard fields.count >= 2, let status = Int(fields[1]) else {
            throw Failure(.failed, "the server does not speak HTTP")
        }
        var isChunked = false
        while let line = try readLine(), !line.isEmpty {
            let lowered = line.lowercased()
            if lowered.hasPrefix("transfer-encoding:"), lowered.contains("chunked") { isChunked = true }
        }
        yield(.status(status))
        try isChunked ? readChunks(yield) : readPlain(yield)
    }

    private func open(_ host: String, _ port: Int) throws {
        let new = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard new >= 0 else { throw Failure(.failed, "cannot open a socket") }
        lock.withLock { descriptor = new }
        var limit = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        setsockopt(new, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(new, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(clamping: port)).bigEndian
        address.sin_addr.s_addr = inet_addr(host == "localhost" ? "127.0.0.1" : host)
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(new, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw Failure(.notReady, "nobody listens at \(host):\(port)") }
    }

    private func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.send(descriptor, buffer.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(.failed, "the connection was closed") }
            sent += count
        }
    }

    /// Reads more; `false` at the end.
    private func fill() throws -> Bool {
        var chunk = [UInt8](repeating: 0, count: 16384)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        if count < 0 { throw Failure(.failed, "the server does not answer") }
        buffer += chunk[0..<count]
        return count > 0
    }

    private func readLine() throws -> String? {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                var line = Array(buffer[..<end])
                buffer.removeFirst(end + 1)
                if line.last == UInt8(ascii: "\r") { line.removeLast() }
                return String(decoding: line, as: UTF8.self)
            }
            guard try fill() else {
                defer { buffer = [] }
                return buffer.isEmpty ? nil : String(decoding: buffer, as: UTF8.self)
            }
        }
    }

    private func readPlain(_ yield: (HTTPClient.Event) -> Void) throws {
        while let line = try readLine() { yield(.line(line)) }
    }

    private func readChunks(_ yield: (HTTPClient.Event) -> Void) throws {
        var text: [UInt8] = []
        while let size = try readLine(), let count = Int(size.prefix { $0 != ";" }, radix: 16), count > 0 {
            while buffer.count < count + 2 {
                guard try fill() else { throw Failure(.failed, "the answer was cut off") }
            }
            text += buffer[0..<count]
            buffer.removeFirst(count + 2)
            while let end = text.firstIndex(of: UInt8(ascii: "\n")) {
                yield(.line(String(decoding: text[..<end], as: UTF8.self)))
                text.removeFirst(end + 1)
            }
        }
        if !text.isEmpty { yield(.line(String(decoding: text, as: UTF8.self))) }
    }
}
