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

    @Test("processes write no backtrace unless somebody wants one")
    func environment() {
        let usual = Supervisor.environment(["A": "b"], parent: 7)
        #expect(usual == ["A": "b", "E2LLM_EXIT_WITH_PARENT": "7", "SWIFT_BACKTRACE": "enable=no"])
        #expect(Supervisor.environment(["SWIFT_BACKTRACE": "enable=yes"], parent: 7)["SWIFT_BACKTRACE"] == "enable=yes")
    }
}
