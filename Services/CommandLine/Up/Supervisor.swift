import Foundation
import Logging

/// One process to keep running.
struct ProcessSpecification: Sendable {
    var name: String
    var executable: String
    var arguments: [String]
    /// Where its output goes; `nil`: to this process's output.
    var logFile: String?
}

/// Starts processes, starts them again with growing pauses when they end, stops all of them on request.
actor Supervisor {
    private let logger: Logger
    private var running: [String: Process] = [:]
    private var stopping = false

    init(logger: Logger) { self.logger = logger }

    /// Keeps a process running until `stop`; returns when it has ended for good.
    func supervise(_ specification: ProcessSpecification) async {
        var pause: Duration = .milliseconds(300)
        while !stopping {
            let started = ContinuousClock.now
            let status: String
            do {
                status = try await runOnce(specification)
            } catch {
                status = "cannot be started: \(error)"
            }
            if stopping { return }
            if started.duration(to: .now) > .seconds(20) { pause = .milliseconds(300) }
            let where_ = specification.logFile.map { "; see \($0)" } ?? ""
            logger.warning("\(specification.name) ended (\(status)), starts again in \(pause)\(where_)")
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(10))
        }
    }

    /// Asks every process to stop, and ends those that have not after `grace`.
    func stop(grace: Duration) async {
        stopping = true
        for process in running.values { process.terminate() }
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

    private func runOnce(_ specification: ProcessSpecification) async throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: specification.executable)
        process.arguments = specification.arguments
        var environment = ProcessInfo.processInfo.environment
        environment["E2LLM_EXIT_WITH_PARENT"] = "\(getpid())"
        process.environment = environment
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
        let (ended, continuation) = AsyncStream<String>.makeStream()
        process.terminationHandler = { process in
            let how = process.terminationReason == .exit ? "exit code" : "signal"
            continuation.yield("\(how) \(process.terminationStatus)")
            continuation.finish()
        }
        try process.run()
        running[name] = process
        defer { running[name] = nil }
        if stopping { process.terminate() }
        for await status in ended { return status }
        return "unknown"
    }
}
