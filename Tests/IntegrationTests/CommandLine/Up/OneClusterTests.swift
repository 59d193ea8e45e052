import Foundation
import Glibc
import Testing

@testable import CommandLineTool

@Suite("Command line: one cluster a port")
struct OneClusterTests {
    @Test("a lock is held by one at a time and given back")
    func locks() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("lock-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        do {
            let first = try FileLock(path, busy: "taken")
            #expect { try FileLock(path, busy: "taken") } throws: { "\($0)" == "taken" }
            withExtendedLifetime(first) {}
        }
        _ = try FileLock(path, busy: "taken")
        #expect { try FileLock("/nowhere/at/all", busy: "taken") } throws: { "\($0)".contains("/nowhere/at/all") }
    }

    @Test("it is known who listens on a port")
    func owners() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                try #require(bind(listener, generic, length) == 0 && getsockname(listener, generic, &length) == 0)
            }
        }
        let port = Int(UInt16(bigEndian: address.sin_port))
        #expect(PortOwner.find(port, root: getpid()) == .unknown)
        #expect(listen(listener, 1) == 0)
        #expect(PortOwner.find(port, root: getpid()) == .own)
        #expect(PortOwner.find(port, root: getppid()) == .own)
        // No process has this number.
        #expect(PortOwner.find(port, root: .max) == .foreign(getpid()))
    }

    @Test("tables of /proc are read")
    func tables() {
        let table = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0000 100 0 0 10 0
               1: 0100007F:1F90 0100007F:A000 01 00000000:00000000 00:00000000 00000000     0        0 12346 1 0000 20 4 30 10 -1
               2: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12347 1 0000 100 0 0 10 0
            """
        #expect(PortOwner.listening(8080, in: table) == ["12345"])
        #expect(PortOwner.parent(inStatus: "12 (a) (b c) S 7 12 12 0") == 7)
        #expect(PortOwner.parent(inStatus: "") == nil)
    }
}
