import Foundation
import Glibc
import ServiceRuntime
import Testing

@testable import CommandLineTool

/// What facts mean to `e2llm doctor`.
@Suite struct DoctorTests {
    typealias State = DoctorFinding.State

    @Test(arguments: [
        (DoctorChecks.Listener.nobody, false, State.ok), (.nobody, true, .fail), (.cluster, true, .ok),
        (.process(7, name: "nginx"), false, .fail), (.process(7, name: nil), true, .fail), (.somebody, false, .fail),
        (.somebody, true, .warn),
    ])
    func ports(listener: DoctorChecks.Listener, isRunning: Bool, state: State) {
        let finding = DoctorChecks.port(8080, for: "the gateway", listener, isRunning: isRunning)
        #expect(finding.state == state && finding.text.contains("port 8080"))
        #expect((finding.advice == nil) == (state == .ok))
    }

    @Test func holdersOfPortsAreNamed() {
        let finding = DoctorChecks.port(1, for: "x", .process(7, name: "ng\u{1b}inx"), isRunning: false)
        #expect(finding.text == "port 1, for x, is held by process 7 (nginx)")
    }

    @Test(
        arguments: [
            (0o100600, true, State.ok), (0o100640, true, .fail), (0o100644, true, .fail), (0o100644, false, .ok),
            (0o100664, false, .fail), (nil, true, .fail),
        ] as [(Int?, Bool, State)])
    func keys(mode: Int?, isSecret: Bool, state: State) {
        let finding = DoctorChecks.keyFile("/k/a.key", mode: mode, isReadable: true, isSecret: isSecret)
        #expect(finding.state == state)
    }

    @Test(arguments: [
        (1_000, 50, State.ok), (-400_000, 100, .ok), (2_000_000, 100, .warn), (-2_000_000, 100, .warn),
        (40_000_000, 100, .fail), (900_000, 1_000_000, .ok),
    ])
    func clocks(offset: Int, uncertainty: Int, state: State) {
        var clock = ClockOffset(sent: 0, received: 0, told: offset)
        clock.uncertainty = uncertainty
        let finding = DoctorChecks.clock("gateway", offset: clock, problem: nil)
        #expect(finding.state == state)
        if state != .ok { #expect(finding.text.contains(offset > 0 ? "ahead of" : "behind")) }
    }

    @Test func silentClocksAreAWarning() {
        let finding = DoctorChecks.clock("decoder a", offset: nil, problem: "it does not answer")
        #expect(finding.state == .warn && finding.text == "decoder a: it does not answer")
    }

    @Test func versionsAndServices() {
        #expect(DoctorChecks.version("gateway", "1.0", own: "1.0").state == .ok)
        #expect(DoctorChecks.version("gateway", "1.1", own: "1.0").text == "gateway is 1.1, this e2llm is 1.0")
        #expect(DoctorChecks.version("gateway", nil, own: "1.0").state == .warn)
        #expect(DoctorChecks.service("scheduler", problems: [], silence: nil).state == .ok)
        #expect(DoctorChecks.service("scheduler", problems: ["no plan"], silence: nil).text == "scheduler: no plan")
        #expect(DoctorChecks.service("scheduler", problems: nil, silence: "gone").state == .fail)
    }

    @Test func memoryAndLimits() {
        func state(_ available: Int, _ needed: Int, isHeld: Bool = false) -> State {
            DoctorChecks.memory(available: available, total: 1000, needed: needed, for: "x", isHeld: isHeld).state
        }
        #expect(state(500, 400) == .ok && state(500, 600) == .warn && state(500, 1001) == .fail)
        #expect(state(500, 600, isHeld: true) == .ok)
        #expect([100, 1000, 1024].map { DoctorChecks.fileLimit(soft: $0, hard: 5000).state } == [.fail, .warn, .ok])
    }

    @Test func processors() {
        func state(_ name: String, _ problem: String? = nil) -> State {
            DoctorChecks.processor(instructionSet: name, features: ["avx2"], threads: 2, problem: problem).state
        }
        #expect(state("avx2") == .ok && state("scalar") == .warn && state("", "no neon here") == .fail)
    }

    @Test func meminfoIsRead() {
        let text = "MemTotal:       16384 kB\nMemFree: 1 kB\nMemAvailable:    8192 kB\n"
        #expect(MachineFacts.memory(text) == (16384 * 1024, 8192 * 1024))
        #expect(MachineFacts.memory("") == (0, 0))
    }

    @Test func theReportCountsAndAdvises() throws {
        let report = DoctorReport(findings: [
            DoctorFinding("ports", .ok, "free"), DoctorFinding("processor", .fail, "none", advice: "buy one"),
        ])
        #expect(report.hasFailed)
        #expect(
            report.text == """
                ok    ports      free
                fail  processor  none
                                 -> buy one
                1 ok, 0 warnings, 1 failures
                """)
        #expect(try JSONOutput.line(report.findings[0]) == #"{"check":"ports","state":"ok","text":"free"}"#)
    }

    @Test func programsAreAsked() async {
        #expect(await MachineFacts.output("/bin/echo", ["hello"]) == "hello\n")
        #expect(await MachineFacts.output("/bin/false", []) == nil)
        #expect(await MachineFacts.output("/nowhere", []) == nil)
        #expect(MachineFacts.processName(getpid())?.isEmpty == false && MachineFacts.processName(.max) == nil)
    }
}
