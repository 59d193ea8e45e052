import Foundation
import Logging
import Testing

@testable import CommandLineTool

@Suite("Command line: supervisor", .timeLimit(.minutes(2)))
struct SupervisorTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
        "supervisor-\(UUID().uuidString)")
    private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    private func shell(_ script: String) -> ProcessSpecification {
        ProcessSpecification(
            name: "worker", executable: "/bin/sh", arguments: ["-c", script],
            logFile: folder.appendingPathComponent("log").path)
    }

    @Test("a process that refuses its settings is started once, and its reason is told")
    func refused() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("Error: an old one\n".utf8).write(to: folder.appendingPathComponent("log"))
        let supervisor = Supervisor(logger: logger)
        #expect(await supervisor.supervise(shell("echo Error: worker.threads is wrong >&2; exit 78")))
        #expect(await supervisor.refusal == .init(name: "worker", reason: "worker.threads is wrong"))
        let log = try String(contentsOf: folder.appendingPathComponent("log"), encoding: .utf8)
        #expect(log == "Error: an old one\nError: worker.threads is wrong\n")
    }

    @Test("a process that fails is started again")
    func failed() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let supervisor = Supervisor(logger: logger)
        // It fails twice before it refuses.
        let marks = folder.appendingPathComponent("marks").path
        let script = "echo x >> \(marks); test $(wc -l < \(marks)) -lt 3 && exit 1; exit 64"
        #expect(await supervisor.supervise(shell(script)))
        #expect(try String(contentsOfFile: marks, encoding: .utf8) == "x\nx\nx\n")
    }

    @Test("one process may be stopped before the others, and is not started again")
    func oneFirst() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let supervisor = Supervisor(logger: logger)
        func process(_ name: String) -> ProcessSpecification {
            ProcessSpecification(name: name, executable: "/bin/sleep", arguments: ["600"])
        }
        let running = [process("gateway"), process("worker")].map { process in
            Task { await supervisor.supervise(process) }
        }
        for name in ["gateway", "worker"] {
            while await !supervisor.isRunning(name) { await Task.yield() }
        }
        await supervisor.stop("gateway", grace: .seconds(30))
        #expect(await !supervisor.isRunning("gateway"))
        #expect(await supervisor.isRunning("worker"))
        #expect(await !running[0].value)
        await supervisor.stop(grace: .seconds(30))
        #expect(await !supervisor.isRunning("worker"))
        #expect(await !running[1].value)
    }

    @Test("nobody is waited for who is asked to stop twice")
    func impatient() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let supervisor = Supervisor(logger: logger)
        let mark = folder.appendingPathComponent("mark").path
        let running = Task {
            await supervisor.supervise(shell("trap '' TERM; touch \(mark); while :; do sleep 1; done"))
        }
        while !FileManager.default.fileExists(atPath: mark) { await Task.yield() }
        await supervisor.stop("worker", grace: .seconds(600), while: { false })
        #expect(await supervisor.isRunning("worker"))
        await supervisor.stop(grace: .zero)
        #expect(await !running.value)
    }

    @Test("signals of one request to stop are told from a second request")
    func signals() {
        let stop = StopSignal()
        let now = ContinuousClock.now
        stop.noteSignal(at: now)
        stop.noteSignal(at: now + .milliseconds(100))
        #expect(!stop.isRepeated)
        stop.noteSignal(at: now + .seconds(1))
        #expect(stop.isRepeated)
    }

    @Test("processes write no backtrace unless somebody wants one")
    func environment() {
        let usual = Supervisor.environment(["A": "b"], parent: 7)
        #expect(usual == ["A": "b", "E2LLM_EXIT_WITH_PARENT": "7", "SWIFT_BACKTRACE": "enable=no"])
        #expect(Supervisor.environment(["SWIFT_BACKTRACE": "enable=yes"], parent: 7)["SWIFT_BACKTRACE"] == "enable=yes")
    }
}
