import ArgumentParser
import Domain
import Foundation
import Protocol
import ServiceRuntime
import Testing

@testable import CommandLineTool

/// What is made of the moments that processes tell.
@Suite struct RequestTraceTests {
    /// Two stages in turn: 4 ms on the first one, 1 ms on the way, 5 ms on the second one, 2 ms back.
    private func pipeline(tokens: Int = 3, skew: Int = 0) -> [ProcessTrace] {
        var (first, second, gateway): ([TraceMoment], [TraceMoment], [TraceMoment]) = ([], [], [])
        gateway.append(TraceMoment(at: 1_000_000, .received, "r-0", rows: 8))
        gateway.append(TraceMoment(at: 1_000_100, .submitted, "r-0", rows: 8))
        for step in 0..<tokens {
            let begin = 1_010_000 + step * 12_000
            func moment(_ at: Int, _ kind: TraceMoment.Kind, stage: Int, took: Int? = nil) -> TraceMoment {
                TraceMoment(
                    at: begin + at, took: took, kind, "r-0", replica: "m", stage: stage, step: UInt64(step + 1),
                    rows: 1, position: 8 + step, decode: true)
            }
            first.append(moment(0, .computed, stage: 0, took: 4000))
            first.append(moment(4000, .rowsSent, stage: 0))
            second.append(moment(5000 + skew, .rowsReceived, stage: 1))
            second.append(moment(5000 + skew, .computed, stage: 1, took: 5000))
            second.append(
                TraceMoment(
                    at: begin + 10_000 + skew, .emitted, "r-0", replica: "m", stage: 1, step: UInt64(step + 1),
                    position: step))
            first.append(
                TraceMoment(
                    at: begin + 12_000, .stepDone, "r-0", replica: "m", stage: 0, step: UInt64(step + 1)))
            gateway.append(
                TraceMoment(at: begin + 10_500, step == 0 ? .firstToken : .token, "r-0", rows: 1, position: step))
        }
        gateway.append(TraceMoment(at: 1_010_000 + tokens * 12_000, .ended, "r-0"))
        // Another request has the second stage while the rows are on their way back.
        second.append(
            TraceMoment(at: 1_020_500 + skew, took: 1000, .computed, "other-0", replica: "m", stage: 1, step: 99))
        func process(_ name: String, _ moments: [TraceMoment], _ skew: Int = 0) -> ProcessTrace {
            var clock = ClockOffset(sent: 0, received: 200, told: 100)
            clock.microseconds += skew
            return ProcessTrace(
                name: name, trace: ServiceTrace(service: name, clockMicroseconds: 0, moments: moments), clock: clock)
        }
        return [
            process("gateway", gateway), process("decoder a", first), process("decoder b", second, skew),
            ProcessTrace(name: "prefill a", problem: "it does not answer"),
        ]
    }

    @Test func aTokensTimeHasParts() throws {
        let summary = TraceSummary(RequestTrace(name: "r", processes: pipeline()))
        let parts = Dictionary(uniqueKeysWithValues: summary.parts.map { ($0.name, $0.mean) })
        #expect(
            parts == [
                "a token": 12, "stage 0 computes (decoder a)": 4, "hands over on stage 0": 0, "from stage 0 to 1": 1,
                "waits on stage 1": 0, "stage 1 computes (decoder b)": 5, "from stage 1 to 0": 2,
                "waits on stage 0": 0, "to the gateway": 0.5,
            ])
        let shares = summary.parts.dropFirst().compactMap(\.share)
        #expect(abs(shares.reduce(0, +) - 1) < 1e-9, "the parts are the whole")
        #expect(summary.parts.first?.count == 2 && summary.tokens == 3)
        #expect(summary.firstToken == 20.5 && summary.end == 46)
    }

    @Test func bubblesAreWhatNobodyComputes() throws {
        let stages = TraceSummary(RequestTrace(name: "r", processes: pipeline())).stages
        #expect(stages.map(\.stage) == ["m/0", "m/1"] && stages.map(\.process) == ["decoder a", "decoder b"])
        let (first, second) = (stages[0], stages[1])
        #expect(first.milliseconds == 28 && first.steps == 3 && first.together == 1)
        #expect(abs(first.own - 12.0 / 28) < 1e-9 && first.others == 0 && abs(first.bubble - 16.0 / 28) < 1e-9)
        #expect(second.milliseconds == 29)
        #expect(abs(second.others - 1.0 / 29) < 1e-9 && abs(second.own - 15.0 / 29) < 1e-9)
        #expect(second.by.keys.sorted() == ["other"])
        #expect(abs(second.own + second.others + second.bubble - 1) < 1e-9)
    }

    @Test func clocksThatSurelyDifferAreCorrected() {
        let trace = RequestTrace(name: "r", processes: pipeline(skew: 40_000))
        #expect(TraceSummary(trace).parts == TraceSummary(RequestTrace(name: "r", processes: pipeline())).parts)
        #expect(trace.notes.contains { $0.hasPrefix("the clock of decoder b is 40.000 ms ahead") })
        #expect(trace.notes.contains("prefill a does not tell: it does not answer"))
        let close = ClockOffset(sent: 1000, received: 3000, told: 2900)
        #expect(close.microseconds == 900 && close.uncertainty == 1000 && close.correction == 0)
        let far = ClockOffset(sent: 1000, received: 3000, told: 8000)
        #expect(far.microseconds == 6000 && far.correction == 6000)
        #expect(ClockOffset.best([close, ClockOffset(sent: 0, received: 10, told: 7)])?.microseconds == 2)
        #expect(ClockOffset.best([]) == nil)
    }

    @Test func everyMomentIsALineWithWhatItWaitedFor() throws {
        let report = TraceReport(RequestTrace(name: "r", processes: pipeline()))
        let lines = report.table.split(separator: "\n")
        #expect(lines.count == 1 + report.moments.count && report.moments.count == 2 + 3 * 7 + 1)
        #expect(report.moments.map(\.atMilliseconds) == report.moments.map(\.atMilliseconds).sorted())
        let received = try #require(report.moments.first { $0.moment.kind == .rowsReceived })
        #expect(received.waitedMilliseconds == 1 && received.waitedFor == "the way from decoder a")
        let token = try #require(report.moments.last { $0.moment.kind == .token })
        #expect(token.waitedMilliseconds == 0.5 && token.waitedFor == "the way from decoder b")
        #expect(!report.table.contains("other"))
        #expect(report.text.contains("BUBBLE") && report.text.contains("other 3.4 %"))
        let object = try JSONSerialization.jsonObject(with: Data(try JSONOutput.text(report).utf8)) as? [String: Any]
        #expect(Set(try #require(object).keys) == ["request", "processes", "notes", "moments", "summary"])
    }

    @Test func whatIsForgottenIsSaid() {
        var processes = pipeline()
        processes[2].trace?.sinceMicroseconds = 1_012_000
        let trace = RequestTrace(name: "r", processes: processes)
        #expect(trace.notes.contains("decoder b remembers nothing before 12.000 ms"))
    }

    @Test func theChromeFileIsWhatTheFormatSays() throws {
        let trace = RequestTrace(name: "r", processes: pipeline())
        let parsed = try JSONSerialization.jsonObject(with: ChromeTrace(trace).data()) as? [String: Any]
        let events = try #require(parsed?["traceEvents"] as? [[String: Any]])
        var phases: [String: Int] = [:]
        for event in events {
            let phase = try #require(event["ph"] as? String)
            phases[phase, default: 0] += 1
            #expect(event["pid"] is Int && event["tid"] is Int && event["name"] is String)
            if phase != "M" { #expect((event["ts"] as? Int ?? -1) >= 0) }
            if phase == "X" { #expect((event["dur"] as? Int ?? -1) >= 0) }
        }
        // Three processes that tell; 6 steps and one of another request; ways of rows, of finished steps and of tokens.
        #expect(phases == ["M": 9, "X": 7, "i": 2 + 3 * 5 + 1, "b": 9, "e": 9])
        let names = events.filter { $0["name"] as? String == "process_name" }.compactMap {
            ($0["args"] as? [String: Any])?["name"] as? String
        }
        #expect(names == ["gateway", "decoder a", "decoder b"])
        #expect(events.filter { $0["cat"] as? String == "other" }.count == 1)
    }

    @Test func figuresThatNoProcessCanHaveAreNotCalculatedWith() {
        func isPlausible(_ moment: TraceMoment) -> Bool {
            ServiceTrace(service: "x", clockMicroseconds: 1, moments: [moment]).isPlausible
        }
        #expect(isPlausible(TraceMoment(at: 1, .computed, "a", stage: 3)))
        #expect(!isPlausible(TraceMoment(at: .min, .computed, "a")))
        #expect(!isPlausible(TraceMoment(at: 1, took: .max, .computed, "a")))
        #expect(!isPlausible(TraceMoment(at: 1, .computed, "a", stage: .max)))
        #expect(!ServiceTrace(service: "x", clockMicroseconds: .min, moments: []).isPlausible)
    }

    @Test(
        arguments: [
            (["chatcmpl-ab"], true), (["--last"], true), ([], false), (["ab", "--last"], false), (["cmpl-"], false),
            (["--fleet", "3"], false), (["--fleet", "3", "--json"], true), (["--fleet", "0", "--json"], false),
        ] as [([String], Bool)])
    func arguments(_ arguments: [String], _ isRight: Bool) {
        let parsed = try? TraceCommand.parse(arguments)
        #expect((parsed != nil) == isRight)
        #expect(TraceCommand.wireName("chatcmpl-ab") == "ab" && TraceCommand.wireName("ab-1") == "ab-1")
    }
}
