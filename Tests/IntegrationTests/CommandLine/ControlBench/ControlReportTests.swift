import Domain
import Foundation
import Scenarios
import Testing

@testable import CommandLineTool

@Suite struct ControlReportTests {
    private static let stat =
        "42 (a (strange) name) S 7 42 42 0 -1 4194560 100 0 0 0 150 50 7 3 20 0 9 0 1000 1000000 250"
    private static let status = "Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\nThreads:\t9\n"

    private static func figures(_ seconds: Double) throws -> ProcessFigures {
        var figures = try #require(ProcessFigures(stat: stat, status: status, ticksPerSecond: 100))
        figures.computedSeconds = seconds
        return figures
    }

    @Test func readsProcesses() throws {
        let figures = try #require(ProcessFigures(stat: Self.stat, status: Self.status, ticksPerSecond: 100))
        #expect(figures.computedSeconds == 2.1)
        #expect(figures.residentBytes == 1 << 20)
        #expect(figures.peakBytes == 2 << 20)
        #expect(figures.threads == 9)
        #expect(ProcessFigures.read(getpid()).map { $0.residentBytes > 0 && $0.threads > 0 } == true)
    }

    @Test func refusesOtherTexts() {
        for (stat, status) in [
            ("", Self.status), (Self.stat, ""), (Self.stat, "VmRSS: 1 kB\nThreads: 1\n"),
            (Self.stat, "VmRSS: -1 kB\nVmHWM: 1 kB\nThreads: 1\n"), ("42 name S 7", Self.status),
        ] {
            #expect(ProcessFigures(stat: stat, status: status, ticksPerSecond: 100) == nil)
        }
        #expect(ProcessFigures(stat: Self.stat, status: Self.status, ticksPerSecond: 0) == nil)
        let huge = "VmRSS: 9223372036854775807 kB\nVmHWM: 1 kB\nThreads: 1\n"
        #expect(ProcessFigures(stat: Self.stat, status: huge, ticksPerSecond: 100)?.residentBytes == .max)
    }

    @Test func milestonesComeWithTheLastWorkerAndOnce() {
        let tally = ControlTally(workers: 2)
        tally.registered("a/prefill")
        tally.registered("a/prefill")
        #expect(tally.milestones[.registered] == nil)
        tally.registered("a/decode")
        let first = tally.milestones[.registered]
        #expect(first != nil)
        tally.registered("a/decode")
        tally.reached(.registered)
        #expect(tally.milestones[.registered] == first)
        tally.welcomed("a/prefill")
        tally.measured("a/prefill")
        #expect(tally.milestones.keys.sorted { $0.rawValue < $1.rawValue } == [.registered])
    }

    @Test func countsAreDifferences() {
        let tally = ControlTally(workers: 1)
        tally.note("worker.hello")
        tally.published("fleet.snapshot", bytes: 100)
        let before = tally.counts
        tally.note("worker.hello", count: 2)
        tally.published("fleet.snapshot", bytes: 50)
        tally.published("plan.proposal", bytes: 7)
        let since = tally.counts.since(before)
        #expect(since.types == ["worker.hello": 2])
        #expect(since.sockets["fleet.snapshot"] == ControlCounts.Entry(messages: 1, bytes: 50))
        #expect(since.sockets["plan.proposal"] == ControlCounts.Entry(messages: 1, bytes: 7))
    }

    @Test func sharesAreOfTheirPhase() throws {
        let counts = ControlCounts(
            sockets: ["registry": ControlCounts.Entry(messages: 40, bytes: 8000)], types: ["device.heartbeat": 40])
        let phase = ControlReport.Phase(
            seconds: 4, counts: counts, before: ["profiler": try Self.figures(3)],
            after: ["profiler": try Self.figures(5), "scheduler": try Self.figures(1)])
        #expect(phase.uses["profiler"]?.share == 0.5)
        // A service that did not run before.
        #expect(phase.uses["scheduler"]?.share == 0.25)
        let report = ControlReport(
            devices: 2, model: "llama-3-8b-q4", milestones: ["registered": 0.5], joining: phase, steady: phase,
            published: ["fleet.snapshot": 1234], replicas: 1, planned: 2)
        let lines = report.text.split(separator: "\n").map {
            $0.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }
        for line in [
            "2 devices, 4 workers, llama-3-8b-q4; the plan has 1 replicas on 2 devices", "all workers registered 0.50",
            "a plan serves -", "profiler 50.0 % 5.0 1.0 2.1 9", "registry 40 10.0 2.0", "device.heartbeat 40",
            "fleet.snapshot 1234",
        ] {
            #expect(lines.contains(line), "\(line)")
        }
        let decoded = try JSONDecoder().decode(ControlReport.self, from: Data(try JSONOutput.text(report).utf8))
        #expect(decoded == report)
    }

    @Test func readyDevicesAreCountedInTheText() {
        let body =
            #"{"devices":[{"id":"a","state":"ready"},{"id":"b","state":"measuring"},{"id":"c","state":"ready"}]}"#
        #expect(ControlBench.readyDevices(Array(body.utf8)) == 2)
        #expect(ControlBench.readyDevices([]) == 0)
    }

    @Test func devicesOfSharedHostsAreAlike() {
        func identity(_ number: Int, hosts: Int?) -> [String] {
            let device = DescribedDevice(
                id: DeviceID("d\(number)"), type: "rpi5", flopsPrefill: 1, memoryBandwidth: 1, memoryUsableBytes: 1,
                layerOverheadSeconds: 0)
            let identity = EmulatedWorker.identity(device, number: number, hosts: hosts)
            return [identity.host, identity.fingerprint]
        }
        #expect(identity(0, hosts: nil) != identity(1, hosts: nil))
        #expect(identity(0, hosts: 2) == identity(2, hosts: 2))
        #expect(identity(0, hosts: 2)[0] != identity(1, hosts: 2)[0])
    }
}
