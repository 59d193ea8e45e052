import Foundation
import Glibc
import Testing

@testable import CommandLineTool

/// `e2llm ps` and `e2llm logs`.
@Suite struct ProcessTableTests {
    private func made(_ id: Int32, parent: Int32, _ arguments: [String], ticks: Int = 0, start: Int = 0)
        -> RunningProcess?
    {
        let stat =
            "\(id) (na) me) S \(parent) 1 1 0 -1 4194304 0 0 0 0 \(ticks) \(ticks) 0 0 20 0 4 0 \(start) 1000 25 0 0"
        return RunningProcess(
            id: id, stat: stat, commandLine: arguments.joined(separator: "\0") + "\0", ticksPerSecond: 100,
            pageBytes: 4096)
    }

    /// Such files say that they are empty, and one read gives a page at most.
    @Test func longFilesOfTheSystemAreReadToTheirEnd() {
        #expect(ProcFile.text("/proc/self/maps").utf8.count > 8192)
        #expect(ProcFile.text("/proc/there/is/none").isEmpty)
    }

    @Test func aProcessIsRead() throws {
        let process = try #require(made(12, parent: 7, ["/opt/e2llm", "up"], ticks: 150, start: 500))
        #expect(process.name == "na) me" && process.parent == 7)
        #expect(process.processorSeconds == 3 && process.startSeconds == 5 && process.residentBytes == 102_400)
        #expect(
            RunningProcess(id: 1, stat: "1 (x) S 0", commandLine: "", ticksPerSecond: 100, pageBytes: 4096) == nil)
        let own = try #require(RunningProcess.all().first { $0.id == getpid() })
        #expect(own.parent == getppid() && own.residentBytes > 0 && own.startSeconds <= RunningProcess.uptime())
    }

    @Test func theProcessesOfOneClusterAreShown() throws {
        let all = try [
            made(10, parent: 1, ["/x/e2llm", "up", "--model", "m"], ticks: 50, start: 0),
            made(12, parent: 10, ["/x/e2llm", "device", "--set", "worker.device=board"], start: 100),
            made(11, parent: 10, ["/x/gateway", "--set", "gateway.port=1"], ticks: 500, start: 0),
            made(13, parent: 12, ["/x/prefill-worker", "--set", "worker.device=board"], start: 9000),
            made(20, parent: 1, ["/x/e2llm", "up"]),
        ].map { try #require($0) }
        let table = ProcessTable(all, root: 10, uptime: 100)
        #expect(table.processes.map(\.service) == ["up", "gateway", "device", "prefill-worker"])
        #expect(table.processes.map(\.device) == [nil, nil, "board", "board"])
        #expect(table.processes.map(\.cpu) == [0.01, 0.1, 0, 0])
        #expect(table.processes.last?.uptimeSeconds == 10)
        #expect(table.text.contains("gateway         -       11   10.0%  100.0 KiB  1 min 40 s"))
        #expect(ProcessTable(all, root: 99, uptime: 100).processes.isEmpty)
    }

    @Test(
        arguments: [
            (0, "0 s"), (59.9, "59 s"), (184, "3 min 4 s"), (7500, "2 h 5 min"), (266_400, "3 d 2 h"), (.infinity, "-"),
        ] as [(Double, String)])
    func times(seconds: Double, text: String) {
        #expect(DurationText.format(seconds) == text)
    }

    @Test func linesOfSeveralLogsAreOrdered() {
        let lines = [
            ("a", "2026-01-01T00:00:03.000 info a: late"), ("a", "  of the line before"),
            ("b", "no time at all"), ("b", #"{"level":"info","time":"2026-01-01T00:00:02.000"}"#),
            ("b", "2026-01-01T00:00:03.000 info b: same"),
        ].map { LogMerge.Line(file: $0.0, text: $0.1) }
        #expect(LogMerge.ordered(lines) == [lines[2], lines[3], lines[0], lines[1], lines[4]])
        #expect(LogMerge.time("2026 is a year") == nil)
    }

    @Test func logsAreFollowed() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "logs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "gateway.log")
        try Data("1\n2\n3\nop".utf8).write(to: file)
        try Data().write(to: folder.appending(path: "board-2.log"))
        #expect(try LogFolder(path: folder.path).names([]) == ["board-2", "gateway"])
        #expect {
            try LogFolder(path: folder.path).names(["gatewy"])
        } throws: {
            "\($0)".contains("there is no log of gatewy") && "\($0)".contains("gateway")
        }
        var tail = LogTail(path: file.path)
        #expect(try tail.last(2) == ["2", "3"])
        #expect(try tail.next() == [])
        let handle = try FileHandle(forWritingTo: file)
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("en\n\nx".utf8))
        #expect(try tail.next() == ["open", ""])
        // Shortened: read from its beginning.
        try handle.truncate(atOffset: 0)
        try handle.seek(toOffset: 0)
        try handle.write(contentsOf: Data("new\n".utf8))
        try handle.close()
        #expect(try tail.next() == ["new"])
        try FileManager.default.removeItem(at: file)
        #expect(throws: Failure.self) { try tail.next() }
    }
}
