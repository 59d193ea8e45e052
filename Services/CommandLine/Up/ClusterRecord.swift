import Foundation
import Glibc
import ServiceRuntime

/// A cluster on this machine that `e2llm up` started: where its sockets are. Kept in a file so that the other commands find
/// it.
struct ClusterRecord: Codable, Sendable {
    var processIdentifier: Int32
    var http: String
    var endpoints: [String: String]
    var model: String
    var directory: String
    var started: Date
    /// The folder with its keys, where it is open to other machines.
    var keys: String?

    /// Where records are kept.
    static func folder() -> URL {
        let environment = ProcessInfo.processInfo.environment
        let base =
            environment["XDG_STATE_HOME"].flatMap { $0.isEmpty ? nil : URL(fileURLWithPath: $0) }
            ?? URL(fileURLWithPath: environment["HOME"] ?? NSTemporaryDirectory()).appendingPathComponent(
                ".local/state")
        return base.appendingPathComponent("e2llm/clusters")
    }

    private var file: URL { Self.folder().appendingPathComponent("\(processIdentifier).json") }

    func write() throws {
        try FileManager.default.createDirectory(at: Self.folder(), withIntermediateDirectories: true)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(self).write(to: file, options: .atomic)
    }

    func remove() { try? FileManager.default.removeItem(at: file) }

    /// Records of clusters whose `up` process lives, newest first.
    static func live() -> [ClusterRecord] {
        let files = (try? FileManager.default.contentsOfDirectory(at: folder(), includingPropertiesForKeys: nil)) ?? []
        return files.compactMap { file in
            guard let data = try? Data(contentsOf: file),
                let record = try? JSONDecoder().decode(ClusterRecord.self, from: data),
                kill(record.processIdentifier, 0) == 0 || errno == EPERM
            else { return nil }
            return record
        }.sorted { $0.started > $1.started }
    }
}

/// Ports for a cluster's sockets.
enum FreePorts {
    /// Ports of loopback that nobody uses at the moment.
    ///
    /// A process binds such a port only after a while, and again whenever it is started anew. Meanwhile the system may
    /// give a port of its own range to any outgoing connection, so ports are taken from below that range where there
    /// is room.
    static func take(_ count: Int) throws -> [Int] {
        var sockets: [Int32] = []
        defer { for socket in sockets { close(socket) } }
        return try (0..<count).map { _ in
            for attempt in 0..<1000 {
                let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
                guard descriptor >= 0 else {
                    throw Failure(.failed, "cannot open a socket: \(String(cString: strerror(errno)))")
                }
                let wanted = attempt < 900 ? quietRange?.randomElement() ?? 0 : 0
                if let port = bindLoopback(descriptor, port: wanted) {
                    sockets.append(descriptor)
                    return port
                }
                close(descriptor)
            }
            throw Failure(.failed, "cannot find a free port: \(String(cString: strerror(errno)))")
        }
    }

    /// The ports between those of well-known services and those that the system gives to outgoing connections (see
    /// ip(7), `ip_local_port_range`); `nil` where hardly any are left.
    static let quietRange: Range<Int>? = {
        let text = (try? String(contentsOfFile: "/proc/sys/net/ipv4/ip_local_port_range", encoding: .utf8)) ?? ""
        let first = text.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) } ?? 32_768
        return first >= 12_000 ? 10_000..<min(first, 65_536) : nil
    }()

    /// Whether a port of loopback can be bound.
    static func isFree(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        return bindLoopback(descriptor, port: port) != nil
    }

    private static func bindLoopback(_ descriptor: Int32, port: Int) -> Int? {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                guard bind(descriptor, generic, length) == 0, getsockname(descriptor, generic, &length) == 0 else {
                    return nil
                }
                return Int(UInt16(bigEndian: pointer.pointee.sin_port))
            }
        }
    }
}
