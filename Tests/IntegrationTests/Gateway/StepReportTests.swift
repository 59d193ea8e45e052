import Domain
import Protocol
import ServiceRuntime
import Testing

@testable import Gateway

/// What is made of the moments that workers tell.
struct StepReportTests {
    private func computed(_ at: Int, _ request: RequestID, step: UInt64, rows: Int, decode: Bool = true) -> TraceMoment
    {
        TraceMoment(
            at: at, took: 50, .computed, request, replica: "r", stage: 1, step: step, rows: rows,
            decode: decode ? true : nil)
    }

    private func trace(_ moments: [TraceMoment]) -> ServiceTrace {
        ServiceTrace(service: "decoder-worker", device: "d", clockMicroseconds: 1000, moments: moments)
    }

    private let sameClock = ClockOffset(sent: 1000, received: 1000, told: 1000)

    @Test func momentsOfOneStepAreOneBlock() {
        var report = StepReport()
        let moments = [
            computed(100, "a-0", step: 3, rows: 1), computed(100, "b-0", step: 3, rows: 4, decode: false),
            computed(200, "a-0", step: 4, rows: 1),
            TraceMoment(at: 210, .kvReceived, "a-0", replica: "r", stage: 1, bytes: 77),
            TraceMoment(at: 220, .emitted, "a-0", replica: "r", stage: 1),
        ]
        report.add(trace(moments), of: "d", clock: sameClock, since: 0)
        #expect(report.steps.map(\.requests) == [2, 1] && report.steps.map(\.rows) == [5, 1])
        #expect(report.steps.map(\.decode) == [false, true])
        #expect(report.transfers.map(\.bytes) == [77] && report.transfers.first?.isSent == false)
        report.missing("e")
        #expect(
            report.json(now: 300).written
                == #"{"now_us":300,"steps":[[0,1,3,1,-200,50,5,2,0],[0,1,4,1,-100,50,1,1,1]],"transfers":[[0,1,1,-90,77,0]],"#
                + #""silent":["e"],"names":["r","d"]}"#)
    }

    @Test func whatWasToldIsNotToldAgain() {
        var report = StepReport()
        let moments = [computed(100, "a-0", step: 3, rows: 1), computed(200, "a-0", step: 4, rows: 1)]
        report.add(trace(moments), of: "d", clock: sameClock, since: 100)
        #expect(report.steps.map(\.number) == [4])
    }

    @Test func otherClocksAreCorrected() {
        var report = StepReport()
        let ahead = ClockOffset(sent: 1000, received: 1100, told: 9050)
        report.add(trace([computed(9100, "a-0", step: 1, rows: 1)]), of: "d", clock: ahead, since: 0)
        #expect(report.steps.map(\.at) == [1100])
    }

    @Test func nonsenseAndTooMuchAreLeftOut() {
        var report = StepReport(most: 2)
        report.add(trace([computed(.min, "a-0", step: 1, rows: 1)]), of: "d", clock: sameClock, since: .min)
        #expect(report.steps.isEmpty)
        report.add(
            trace((1...9).map { computed($0 * 100, "a-0", step: UInt64($0), rows: 1) }), of: "d", clock: sameClock,
            since: 0)
        #expect(report.steps.count == 2)
    }
}
