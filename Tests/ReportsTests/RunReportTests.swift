import Domain
import Drawing
import Foundation
import Simulation
import Testing

@testable import Reports

/// Pages of runs: well-formed, complete, bounded, and nothing that a name could break.
@Suite("Reports of runs") struct RunReportTests {
    private func page(_ report: RunReport) throws -> XMLContents {
        let head = "<!DOCTYPE html>\n"
        #expect(report.html.hasPrefix(head))
        return try XMLContents(String(report.html.dropFirst(head.count)))
    }

    @Test func everythingIsThereAndInside() throws {
        let report = RunReport([SampleRuns.record(100)])
        #expect(report.figures.map(\.name) == ["waiting", "distributions", "requests", "use", "gantt"])
        for figure in report.figures {
            let contents = try XMLContents(figure.svg)
            #expect(contents.outside == nil, "\(figure.name)")
            let texts = try #require(contents.texts["text"])
            #expect(texts.contains { $0.contains("n = 100 requests, 2 requests/s, seed 1") }, "\(figure.name)")
        }
        let contents = try page(report)
        #expect(contents.named("svg").count == 5 && contents.named("script").isEmpty && contents.named("link").isEmpty)
        #expect(!contents.elements.contains { $0.attributes["src"] != nil || $0.attributes["href"] != nil })
        let cells = try #require(contents.texts["td"])
        for measure in ["w_prefill", "w_kvmem", "t_kv", "w_decode", "stall", "w_total", "ttft", "tpot", "e2e"] {
            #expect(cells.contains(measure))
        }
        let summary = RunSummary(SampleRuns.record(100))
        let start = try #require(cells.firstIndex(of: "w_total"))
        let figures = [
            summary.waiting.mean, summary.waiting.std, summary.waiting.p50, summary.waiting.p90, summary.waiting.p99,
            summary.waiting.max,
        ]
        #expect(Array(cells[start + 2...start + 7]) == figures.map(ReportText.number))
        #expect(cells.contains("device-0") && cells.contains("50 %") && cells.contains("25 %"))
    }

    @Test func runsStandSideBySide() throws {
        let runs = [
            SampleRuns.record(50), SampleRuns.record(60, system: "b3"), SampleRuns.record(50, system: "b3", rate: 3),
            SampleRuns.record(50, system: "b3", rate: 3),
        ]
        let report = RunReport(runs)
        #expect(report.names == ["e2llm, 2/s", "b3, 2/s", "b3, 3/s", "b3, 3/s (2)"])
        #expect(
            report.figures.map(\.name).prefix(5)
                == ["waiting", "distributions", "percentiles", "rates", "requests-1"])
        #expect(Set(report.figures.map(\.name)).count == report.figures.count && report.figures.count == 16)
        for figure in report.figures { #expect(try XMLContents(figure.svg).outside == nil, "\(figure.name)") }
        let contents = try page(report)
        #expect(contents.texts["h2"]?.contains("b3, 3/s (2)") == true)
        let rates = try XMLContents(try #require(report.figures.first { $0.name == "rates" }).svg)
        #expect(rates.texts["text"]?.contains("b3") == true && rates.texts["text"]?.contains("e2llm") == true)
        #expect(RunReport(Array(repeating: runs[0], count: 40)).runs.count == RunReport.mostRuns)
    }

    @Test func missingPicturesAreExplained() throws {
        var record = SampleRuns.record(10)
        record.timeline?.intervalsUntil = 4
        let late = try page(RunReport([record], window: GanttWindow(from: 1000)))
        #expect(late.texts["p"]?.contains { $0.hasSuffix("steps were recorded from 0 ms to 4 s.") } == true)
        record.timeline = nil
        let without = try page(RunReport([record]))
        #expect(without.texts["p"]?.contains("Devices and links over time were not recorded.") == true)
    }

    @Test func hostileNamesAreOnlyText() throws {
        var record = SampleRuns.record(20, name: SampleRuns.hostile)
        record.system = SampleRuns.hostile
        (record.fleet, record.model, record.workload) = (SampleRuns.hostile, SampleRuns.hostile, SampleRuns.hostile)
        record.requests[0].prefillReplica = ReplicaID(SampleRuns.hostile)
        record.network[0].name = String(repeating: SampleRuns.hostile, count: 500)
        for runs in [[record], [record, record]] {
            let report = RunReport(runs)
            let contents = try page(report)
            #expect(contents.named("script").isEmpty)
            #expect(contents.texts["td"]?.contains { $0.contains("<script>alert(\"1\")</script>&amp;'") } == true)
            for figure in report.figures {
                #expect(figure.name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" })
                #expect(try XMLContents(figure.svg).outside == nil)
            }
            #expect(!report.html.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
        }
    }

    @Test func emptyRunsHavePages() throws {
        let empty = RunRecord(source: .measured, system: "", rate: 0)
        var open = SampleRuns.record(3)
        for index in open.requests.indices {
            let request = open.requests[index]
            open.requests[index] = RequestTimes(
                id: request.id, arrival: request.arrival, promptTokens: 10, outputTokens: 1)
        }
        open.timeline = nil
        open.seconds = 0
        for runs in [[empty], [empty, empty], [open], [SampleRuns.record(1)], []] {
            let report = RunReport(runs)
            _ = try page(report)
            for figure in report.figures { #expect(try XMLContents(figure.svg).outside == nil, "\(figure.name)") }
        }
        #expect(RunReport([SampleRuns.record(1)]).figures.count == 5)
        #expect(RunReport([empty]).figures.map(\.name) == ["waiting", "distributions"])
    }

    @Test func hugeRunsStayBounded() throws {
        let report = RunReport([SampleRuns.record(50_000, devices: 300)])
        for figure in report.figures {
            #expect(figure.svg.utf8.count < 1_000_000, "\(figure.name): \(figure.svg.utf8.count) bytes")
            #expect(try XMLContents(figure.svg).outside == nil, "\(figure.name)")
        }
        #expect(report.html.utf8.count < 2_000_000)
        // The same chart of a run that is hundred times as long is no larger.
        let long = SampleRuns.record(20_000)
        let short = SampleRuns.record(500)
        for (one, two) in zip(RunReport([long]).figures, RunReport([short]).figures) {
            #expect(one.svg.utf8.count < 4 * two.svg.utf8.count, "\(one.name)")
        }
    }

    @Test func absurdFiguresDoNotBreakCharts() throws {
        var record = SampleRuns.record(5)
        record.requests[0].end = 1e300
        record.requests[1].stall = -1e300
        record.requests[2].promptTokens = .max
        record.requests[3].firstToken = -.infinity
        record.seconds = 1e300
        record.rate = .infinity
        record.timeline?.steps[0].stage = -1
        record.timeline?.steps[1].end = .nan
        record.timeline?.devices[0].shares = [.nan, .infinity, -5]
        record.timeline?.binSeconds = .infinity
        let report = RunReport([record])
        _ = try page(report)
        for figure in report.figures { #expect(try XMLContents(figure.svg).outside == nil, "\(figure.name)") }
    }
}
