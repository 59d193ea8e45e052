import Foundation
public import Logging
public import ServiceLifecycle
import UnixSignals

/// Runs a process's services until SIGTERM or SIGINT, then stops them in reverse order. After 15 seconds they are cancelled,
/// and the process ends shortly after that even where one of its threads computes or waits for ever.
public enum ServiceMain {
    /// Runs `services`; returns after an orderly stop.
    public static func run(_ services: [any Service], logger: Logger) async throws {
        ConfigurationPhase.end()
        // A peer that closes its end must not end this process.
        signal(SIGPIPE, SIG_IGN)
        var entries = services.map {
            ServiceGroupConfiguration.ServiceConfiguration(
                service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                failureTerminationBehavior: .gracefullyShutdownGroup)
        }
        // The last one is stopped first.
        entries.append(.init(service: StopDeadline(logger: logger), successTerminationBehavior: .ignore))
        var configuration = ServiceGroupConfiguration(
            services: entries, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(15)
        let group = ServiceGroup(configuration: configuration)
        ParentWatch.onParentEnd { Task { await group.triggerGracefulShutdown() } }
        try await group.run()
    }
}

/// What a process can tell about itself.
public enum ProcessFacts {
    /// Resident memory in bytes.
    public static func residentBytes() -> Int {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
        let fields = text.split(separator: " ")
        guard fields.count > 1, let pages = Int(fields[1]) else { return 0 }
        return pages * sysconf(Int32(_SC_PAGESIZE))
    }

    /// The machine's memory in bytes.
    public static func physicalMemoryBytes() -> Int { Int(clamping: ProcessInfo.processInfo.physicalMemory) }

    /// Names this machine: its machine id where there is one, else the host name.
    public static func hostName() -> String {
        if let id = try? String(contentsOfFile: "/etc/machine-id", encoding: .utf8) {
            let trimmed = id.trimmingCharacters(in: .whitespacesAndNewlines)
            if !trimmed.isEmpty { return "\(ProcessInfo.processInfo.hostName)-\(trimmed.prefix(12))" }
        }
        return ProcessInfo.processInfo.hostName
    }
}

/// Ends a process whose parent has ended without stopping it: processes that `e2llm` starts carry the parent's number in
/// `E2LLM_EXIT_WITH_PARENT`.
public enum ParentWatch {
    /// Calls `action` once when the parent has ended; never where no parent is named.
    public static func onParentEnd(_ action: @escaping @Sendable () -> Void) {
        guard let text = ProcessInfo.processInfo.environment["E2LLM_EXIT_WITH_PARENT"], let parent = Int32(text) else {
            return
        }
        // Dozens of processes of a machine do this while nothing else happens: a thread that sleeps wakes no other one, as a
        // task does that sleeps.
        let thread = Thread {
            while getppid() == parent { sleep(2) }
            action()
        }
        thread.name = "parent"
        thread.stackSize = 128 << 10
        thread.start()
    }
}
