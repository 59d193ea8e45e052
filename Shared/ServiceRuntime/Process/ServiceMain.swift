import Foundation
public import Logging
public import ServiceLifecycle
import UnixSignals

/// Runs a process's services until SIGTERM or SIGINT, then stops them in reverse order. After a while they are cancelled,
/// and the process ends shortly after that even where one of its threads computes or waits for ever. A second signal ends it at once.
public enum ServiceMain {
    /// Signals within this time after the first one say nothing new.
    private static let sameRequest = Duration.milliseconds(500)

    /// Runs `services`; returns after an orderly stop, for which they have the time `within`.
    public static func run(
        _ services: [any Service], within: Duration = .seconds(15), logger: Logger
    ) async throws {
        ConfigurationPhase.end()
        // A peer that closes its end must not end this process.
        signal(SIGPIPE, SIG_IGN)
        var entries = services.map {
            ServiceGroupConfiguration.ServiceConfiguration(
                service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                failureTerminationBehavior: .gracefullyShutdownGroup)
        }
        // The last one is stopped first.
        let deadline = StopDeadline(after: within / .seconds(1) + 0.75, logger: logger)
        entries.append(.init(service: deadline, successTerminationBehavior: .ignore))
        var configuration = ServiceGroupConfiguration(services: entries, logger: logger)
        configuration.maximumGracefulShutdownDuration = within
        let group = ServiceGroup(configuration: configuration)
        let signals = Task {
            var stopping: ContinuousClock.Instant?
            for await _ in await UnixSignalsSequence(trapping: .sigterm, .sigint) {
                if let since = stopping {
                    // Where a whole group of processes is stopped, the same request comes from several sides.
                    if since.duration(to: .now) < sameRequest { continue }
                    logger.warning("asked to stop again, ends now")
                    _exit(1)
                }
                stopping = .now
                await group.triggerGracefulShutdown()
            }
        }
        defer { signals.cancel() }
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

    /// Processor time that this process has used, in seconds.
    public static func processorSeconds() -> Double {
        var used = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &used) == 0 else { return 0 }
        return [used.ru_utime, used.ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
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
