import Foundation
import Glibc

/// What this machine tells about itself.
enum MachineFacts {
    /// Bytes of memory: all, and what programs could still take.
    static func memory() -> (total: Int, available: Int) {
        memory((try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8)) ?? "")
    }

    /// The same from a text as /proc/meminfo.
    static func memory(_ text: String) -> (total: Int, available: Int) {
        func bytes(_ key: String) -> Int? {
            guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(key + ":") }) else { return nil }
            let fields = line.split(separator: " ")
            return fields.count > 1 ? Int(fields[1]).map { $0 * 1024 } : nil
        }
        let total = bytes("MemTotal") ?? 0
        return (total, bytes("MemAvailable") ?? total)
    }

    /// How many files this process may have open: now, and if it asked for more.
    static func openFiles() -> (soft: Int, hard: Int) {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return (0, 0) }
        return (Int(clamping: limit.rlim_cur), Int(clamping: limit.rlim_max))
    }

    /// Permissions of a file; `nil` where there is none.
    static func mode(_ path: String) -> Int? {
        var found = stat()
        return stat(path, &found) == 0 ? Int(found.st_mode & 0o7777) : nil
    }

    /// The name of a process.
    static func processName(_ id: Int32) -> String? {
        (try? String(contentsOfFile: "/proc/\(id)/comm", encoding: .utf8))?
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Who listens on a port; `cluster` where it descends from the process `root`.
    static func listener(_ port: Int, root: Int32?) -> DoctorChecks.Listener {
        switch PortOwner.find(port, root: root ?? 0) {
        case .own: return .cluster
        case .foreign(let id): return .process(id, name: processName(id))
        case .unknown:
            let isHeld = ["tcp", "tcp6"].contains { table in
                !PortOwner.listening(port, in: ProcFile.text("/proc/net/\(table)")).isEmpty
            }
            return isHeld ? .somebody : .nobody
        }
    }

    /// What a program prints; `nil` where it fails, or has not ended after some seconds.
    static func output(_ executable: String, _ arguments: [String], seconds: Double = 5) async -> String? {
        await withCheckedContinuation { continuation in
            Thread { continuation.resume(returning: blockingOutput(executable, arguments, seconds)) }.start()
        }
    }

    private static func blockingOutput(_ executable: String, _ arguments: [String], _ seconds: Double) -> String? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let id = process.processIdentifier
        let deadline = DispatchWorkItem { kill(id, SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + seconds, execute: deadline)
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        deadline.cancel()
        return process.terminationStatus == 0 ? String(decoding: data, as: UTF8.self) : nil
    }
}
