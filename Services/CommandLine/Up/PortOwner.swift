import Foundation
import Glibc

/// Which process listens on a port of this machine, by /proc.
enum PortOwner: Sendable, Hashable {
    /// A process, or one that it started.
    case own
    /// Another process.
    case foreign(Int32)
    /// Nobody, or a process that this one may not look at.
    case unknown

    /// Looks for the process that listens on a port; `own` where it is `root` or descends from it.
    static func find(_ port: Int, root: Int32) -> PortOwner {
        var sockets: Set<String> = []
        for table in ["tcp", "tcp6"] {
            sockets.formUnion(listening(port, in: ProcFile.text("/proc/net/\(table)")))
        }
        guard !sockets.isEmpty else { return .unknown }
        var holders: [Int32] = []
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            if let process = Int32(name), holds(process, sockets) { holders.append(process) }
        }
        if holders.contains(where: { descends($0, from: root) }) { return .own }
        return holders.first.map { .foreign($0) } ?? .unknown
    }

    /// The inodes of sockets that listen on a port, in a table as /proc/net/tcp.
    static func listening(_ port: Int, in table: String) -> Set<String> {
        let listen = "0A"
        var inodes: Set<String> = []
        for line in table.split(separator: "\n").dropFirst() {
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[3] == listen, let colon = fields[1].lastIndex(of: ":"),
                Int(fields[1][fields[1].index(after: colon)...], radix: 16) == port
            else { continue }
            inodes.insert(String(fields[9]))
        }
        return inodes
    }

    private static func holds(_ process: Int32, _ sockets: Set<String>) -> Bool {
        let folder = "/proc/\(process)/fd"
        return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).contains { descriptor in
            guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(descriptor)"),
                target.hasPrefix("socket:[")
            else { return false }
            return sockets.contains(String(target.dropFirst("socket:[".count).dropLast()))
        }
    }

    private static func descends(_ process: Int32, from root: Int32) -> Bool {
        var next: Int32? = process
        while let current = next, current > 1 {
            if current == root { return true }
            next = parent(
                inStatus: (try? String(contentsOfFile: "/proc/\(current)/stat", encoding: .utf8)) ?? "")
        }
        return false
    }

    /// The parent in the text of /proc/N/stat; names of processes may hold spaces and parentheses.
    static func parent(inStatus text: String) -> Int32? {
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        return fields.count > 1 ? Int32(fields[1]) : nil
    }
}
