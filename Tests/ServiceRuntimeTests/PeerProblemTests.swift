import Glibc
import Testing

@testable import ServiceRuntime

/// The reasons that warnings about peers give.
struct PeerProblemTests {
    /// A port of loopback that somebody has taken; `listens` says whether connections are accepted.
    private func withPort(listens: Bool, _ body: (Int) throws -> Void) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                try #require(bind(descriptor, generic, length) == 0 && getsockname(descriptor, generic, &length) == 0)
            }
        }
        if listens { try #require(listen(descriptor, 4) == 0) }
        try body(Int(UInt16(bigEndian: address.sin_port)))
    }

    @Test func reasonsAreTold() throws {
        #expect(PeerProblem.find("tcp://nosuch.invalid:5550").hasPrefix("nosuch.invalid cannot be looked up: "))
        #expect(PeerProblem.find("inproc://x") == "nobody is bound there")
        try withPort(listens: false) { port in
            #expect(PeerProblem.find("tcp://127.0.0.1:\(port)") == "connection refused")
            #expect(PeerProblem.find("tcp://localhost:\(port)") == "connection refused")
        }
        try withPort(listens: true) { port in
            #expect(PeerProblem.find("tcp://127.0.0.1:\(port)").hasPrefix("something listens there"))
        }
    }
}
