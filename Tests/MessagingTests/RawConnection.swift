import Foundation
import Testing

/// A TCP connection that speaks no ZMTP.
final class RawConnection {
    private var descriptor: Int32
    /// What the peer has sent so far, as far as `poll` has taken it.
    private(set) var received: [UInt8] = []

    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            end()
            throw POSIXError(.ECONNREFUSED)
        }
    }

    deinit { end() }

    /// Closes the connection.
    func end() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }

    /// Writes what the peer takes without blocking; a closed connection is no failure.
    func write(_ bytes: [UInt8]) {
        _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
    }

    /// Whether the peer has closed the connection.
    var isClosed: Bool { !poll() }

    /// Takes what the peer has sent; `false` when it has closed the connection.
    @discardableResult
    func poll() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) }
            received += buffer.prefix(count)
        }
    }
}
