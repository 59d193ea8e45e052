import Foundation
import Glibc

/// A small HTTP/1.1 client: one request a connection, the body as a stream of lines. It blocks threads of its own,
/// never those of Swift's pool.
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
        try? await fetch(url, headers: headers)
    }

    /// Fetches a small resource.
    ///
    /// - Throws: a `Failure` that says why nobody answers.
    static func fetch(_ url: String, headers: [String: String] = [:]) async throws -> Response {
        var status = 0
        var lines: [String] = []
        for await event in stream("GET", url, body: nil, headers: headers, timeoutSeconds: 2) {
            switch event {
            case .status(let code): status = code
            case .line(let line): lines.append(line)
            case .failed(let reason): throw Failure(.notReady, "\(reason): is a cluster running?")
            }
        }
        guard status != 0 else { throw Failure(.notReady, "\(url): no answer") }
        return Response(status: status, body: lines.joined(separator: "\n"))
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
        guard let parts = URLComponents(string: url), let host = parts.host, parts.scheme == "http" else {
            throw Failure(.usage, "\(url) is no HTTP address")
        }
        let (port, path) = (parts.port ?? 80, parts.percentEncodedPath)
        try open(HostText.plain(host), port)
        defer {
            lock.withLock {
                close(descriptor)
                descriptor = -1
            }
        }
        var request = "\(method) \(path.isEmpty ? "/" : path) HTTP/1.1\r\nhost: \(HostText.bracketed(host)):\(port)\r\n"
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

    /// Connects to the first address of a host at which somebody listens.
    private func open(_ host: String, _ port: Int) throws {
        let place = "\(HostText.bracketed(host)):\(port)"
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &found)
        guard status == 0 else {
            throw Failure(.notReady, "\(host) cannot be looked up (\(String(cString: gai_strerror(status))))")
        }
        defer { freeaddrinfo(found) }
        var reason = "it has no address"
        var next = found
        while let candidate = next {
            next = candidate.pointee.ai_next
            guard let failure = connectFailure(candidate.pointee) else { return }
            reason = failure
        }
        throw Failure(.notReady, "nobody listens at \(place) (\(reason))")
    }

    /// Why no connection to an address can be made; `nil` where there is one now.
    private func connectFailure(_ address: addrinfo) -> String? {
        let new = socket(address.ai_family, address.ai_socktype, address.ai_protocol)
        guard new >= 0 else { return String(cString: strerror(errno)).lowercased() }
        // Before connecting, so that who gives up can end that, too.
        lock.withLock { descriptor = new }
        var limit = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        setsockopt(new, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(new, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        if connect(new, address.ai_addr, address.ai_addrlen) == 0 { return nil }
        let number = errno
        lock.withLock {
            close(new)
            descriptor = -1
        }
        return number == EINPROGRESS ? "no answer" : String(cString: strerror(number)).lowercased()
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
