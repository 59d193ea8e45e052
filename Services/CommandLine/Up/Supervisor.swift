import Foundation
import Glibc
import Logging

/// One process to keep running.
struct ProcessSpecification: Sendable {
    var name: String
    var executable: String
    var arguments: [String]
    /// Added to this process's environment.
    var environment: [String: String] = [:]
    /// Where its output goes; `nil`: to this process's output.
    var logFile: String?
}

/// Starts processes, starts them again when they end, stops all of them on request. A process that refuses its settings is
/// not started again.
actor Supervisor {
    /// A process that refuses its settings.
    struct Refusal: Sendable, Hashable {
        var name: String
        var reason: String

        /// What a command ends with that kept the process running.
        var failure: Failure { Failure(.failed, "\(name) does not start: \(reason)") }
    }

    private let logger: Logger
    private var running: [String: Process] = [:]
    private var stopping = false
    /// Processes that are not started again.
    private var stopped: Set<String> = []
    /// The first process that refused its settings.
    private(set) var refusal: Refusal?

    init(logger: Logger) { self.logger = logger }

    /// Keeps a process running until `stop` or until it refuses its settings; returns when it has ended for good, and whether
    /// it refused.
    func supervise(_ specification: ProcessSpecification) async -> Bool {
        var policy = RestartPolicy()
        while !stopping, !stopped.contains(specification.name) {
            let started = ContinuousClock.now
            let written = specification.logFile.map { RefusalReason.end(of: $0) } ?? 0
            let end: ProcessEnd
            do {
                end = try await runOnce(specification)
            } catch {
                end = .notStarted("\(error)")
            }
            if stopping || stopped.contains(specification.name) { return false }
            switch policy.ended(end, after: started.duration(to: .now)) {
            case .again(let pause):
                let place = specification.logFile.map { "; see \($0)" } ?? ""
                logger.warning("\(specification.name) ended (\(end)), starts again in \(pause)\(place)")
                try? await Task.sleep(for: pause)
            case .never:
                let reason = specification.logFile.flatMap { RefusalReason.read($0, from: written) }
                if refusal == nil {
                    refusal = Refusal(name: specification.name, reason: reason ?? "it ended with \(end)")
                }
                return true
            }
        }
        return false
    }

    /// Whether a process runs at the moment.
    func isRunning(_ name: String) -> Bool { running[name] != nil }

    /// The number of a process that runs at the moment.
    func processIdentifier(_ name: String) -> Int32? { running[name]?.processIdentifier }

    /// Asks one process to stop and waits until it has, at most for `grace`, and only while `isPatient`.
    func stop(_ name: String, grace: Duration, while isPatient: @Sendable () -> Bool = { true }) async {
        stopped.insert(name)
        running[name]?.terminate()
        let deadline = ContinuousClock.now + grace
        while running[name] != nil, ContinuousClock.now < deadline, isPatient() {
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Asks every process to stop, and ends those that have not after `grace`.
    func stop(grace: Duration) async {
        stopping = true
        for (name, process) in running where !stopped.contains(name) { process.terminate() }
        let deadline = ContinuousClock.now + grace
        while !running.isEmpty, ContinuousClock.now < deadline {
            try? await Task.sleep(for: .milliseconds(20))
        }
        for (name, process) in running {
            logger.warning("\(name) did not stop in time")
            kill(process.processIdentifier, SIGKILL)
        }
        while !running.isEmpty { try? await Task.sleep(for: .milliseconds(10)) }
    }

    /// What processes find in their environment.
    static func environment(_ own: [String: String], parent: Int32) -> [String: String] {
        var environment = own
        environment["E2LLM_EXIT_WITH_PARENT"] = "\(parent)"
        // Swift's backtraces keep a process that has crashed for seconds, in which nothing takes its place.
        if environment["SWIFT_BACKTRACE"] == nil { environment["SWIFT_BACKTRACE"] = "enable=no" }
        return environment
    }

    /// Threads of the runtime block signals, and a process inherits that from the thread that starts it: a service in another
    /// language would never hear of SIGTERM.
    private static func withoutBlockedSignals(_ body: () throws -> Void) rethrows {
        var none = sigset_t()
        var before = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try body()
    }

    private func runOnce(_ specification: ProcessSpecification) async throws -> ProcessEnd {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: specification.executable)
        process.arguments = specification.arguments
        process.environment = Self.environment(
            ProcessInfo.processInfo.environment.merging(specification.environment) { $1 }, parent: getpid())
        process.standardInput = FileHandle.nullDevice
        if let logFile = specification.logFile {
            if !FileManager.default.fileExists(atPath: logFile) {
                _ = FileManager.default.createFile(atPath: logFile, contents: nil)
            }
            guard let handle = FileHandle(forWritingAtPath: logFile) else {
                throw Failure(.failed, "cannot write \(logFile)")
            }
            try handle.seekToEnd()
            process.standardOutput = handle
            process.standardError = handle
        }
        let name = specification.name
        let (ended, continuation) = AsyncStream<ProcessEnd>.makeStream()
        process.terminationHandler = { process in
            let status = process.terminationStatus
            continuation.yield(process.terminationReason == .exit ? .exit(status) : .signal(status))
            continuation.finish()
        }
        try Self.withoutBlockedSignals { try process.run() }
        running[name] = process
        defer { running[name] = nil }
        if stopping || stopped.contains(name) { process.terminate() }
        for await end in ended { return end }
        return .notStarted("nobody knows how it ended")
    }
}
