import Foundation
import Glibc

/// A small HTTP server for one text at `/metrics`: one connection at a time, on a thread of its own.
struct TextServer: Sendable {
    /// What is asked for, and what is answered.
    enum Answer: Sendable, Hashable {
        case text, notFound, wrongMethod, badRequest
    }

    private static let mostBytes = 8192
    private static let patienceSeconds = 2
    let descriptor: Int32
    /// Where it listens.
    let port: Int

    /// Listens at an address of this machine; port 0 takes a free one.
    ///
    /// - Throws: a `Failure` where that is not possible.
    init(host: String, port: Int) throws {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(HostText.plain(host), String(port), &hints, &found) == 0, let address = found?.pointee else {
            throw Failure(.usage, "\(host) is no address of this machine")
        }
        defer { freeaddrinfo(found) }
        let made = socket(address.ai_family, address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), address.ai_protocol)
        var yes: Int32 = 1
        setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        guard made >= 0, bind(made, address.ai_addr, address.ai_addrlen) == 0, listen(made, 16) == 0 else {
            let reason = String(cString: strerror(errno)).lowercased()
            if made >= 0 { close(made) }
            throw Failure(.failed, "cannot listen at \(HostText.bracketed(host)):\(port): \(reason)")
        }
        descriptor = made
        self.port = Self.boundPort(made) ?? port
    }

    /// Serves for ever. `text` says what is told, `nil` for 503.
    func run(_ text: @escaping @Sendable () async -> String?) async {
        let (connections, sink) = AsyncStream.makeStream(of: Int32.self, bufferingPolicy: .bufferingOldest(16))
        let listener = descriptor
        let thread = Thread {
            while true {
                let connection = accept(listener, nil, nil)
                if connection < 0 {
                    if [EINTR, ECONNABORTED, EMFILE, ENFILE].contains(errno) {
                        usleep(10_000)
                        continue
                    }
                    break
                }
                // A full queue has no room for one that would wait for long anyway.
                if case .enqueued = sink.yield(connection) { continue }
                close(connection)
            }
            close(listener)
            sink.finish()
        }
        thread.start()
        for await connection in connections {
            let answer = await Self.onThread { Self.answer(to: Self.readRequest(connection)) }
            let body = answer == .text ? await text() : nil
            await Self.onThread {
                Self.send(connection, Self.response(answer, body))
                close(connection)
            }
        }
    }

    /// Listens no more; `run` ends after the connections that are open.
    func stop() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// What the first line of a request asks for.
    static func answer(to request: String?) -> Answer {
        guard let line = request?.split(separator: "\r\n", maxSplits: 1).first else { return .badRequest }
        let words = line.split(separator: " ")
        guard words.count == 3, words[2].hasPrefix("HTTP/1.") else { return .badRequest }
        guard words[1].prefix(while: { $0 != "?" }) == "/metrics" else { return .notFound }
        return words[0] == "GET" ? .text : .wrongMethod
    }

    /// A whole response.
    static func response(_ answer: Answer, _ body: String?) -> String {
        let (status, text): (String, String) =
            switch answer {
            case .text: body.map { ("200 OK", $0) } ?? ("503 Service Unavailable", "no figures\n")
            case .notFound: ("404 Not Found", "there is /metrics\n")
            case .wrongMethod: ("405 Method Not Allowed", "GET only\n")
            case .badRequest: ("400 Bad Request", "no HTTP request\n")
            }
        return "HTTP/1.1 \(status)\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n"
            + "content-length: \(text.utf8.count)\r\nconnection: close\r\n\r\n\(text)"
    }

    private static func readRequest(_ connection: Int32) -> String? {
        var limit = timeval(tv_sec: patienceSeconds, tv_usec: 0)
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let deadline = ContinuousClock.now + .seconds(patienceSeconds)
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 2048)
        while bytes.count < mostBytes, ContinuousClock.now < deadline {
            let count = recv(connection, &chunk, chunk.count, 0)
            guard count > 0 else { return nil }
            bytes += chunk[0..<count]
            let text = String(decoding: bytes, as: UTF8.self)
            if text.contains("\r\n\r\n") { return text }
        }
        return nil
    }

    private static func send(_ connection: Int32, _ text: String) {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.send(connection, buffer.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            sent += count
        }
    }

    /// Runs something that blocks beside the pool of Swift.
    private static func onThread<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            Thread { continuation.resume(returning: work()) }.start()
        }
    }

    private static func boundPort(_ descriptor: Int32) -> Int? {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard status == 0 else { return nil }
        // The port lies at the same place in both families.
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { Int(UInt16(bigEndian: $0.pointee.sin_port)) }
        }
    }
}
