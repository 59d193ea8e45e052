import Domain
import Drawing
import Simulation
import Testing

@testable import Reports

@Suite("Charts") struct ChartTests {
    @Test func axesHaveRoundTicks() {
        let axis = Axis([0, 9.3], count: 5)
        #expect(axis.ticks == [0, 2, 4, 6, 8, 10] && axis.high == 10 && axis.ticks.map(axis.text).last == "10")
        let small = Axis([0.0012, 0.0019], rounds: false, count: 4)
        #expect(small.low == 0.0012 && small.high == 0.0019)
        #expect(small.ticks.map(small.text) == ["0.0012", "0.0014", "0.0016", "0.0018"])
        let far = Axis([12_345.1, 12_345.6], rounds: false, count: 5)
        #expect(far.ticks.map(far.text) == ["12345.1", "12345.2", "12345.3", "12345.4", "12345.5", "12345.6"])
        #expect(Axis([3, 4], fromZero: true).low == 0 && Axis([-2, -1], fromZero: true).high == 0)
    }

    @Test(arguments: [
        [], [0], [5, 5], [.nan, .infinity], [-1e300, 1e300], [1e-300, 2e-300], [1e15, 1e15 + 1], [-0.5, 0.25],
    ])
    func axesHoldAnyValues(values: [Double]) {
        let axis = Axis(values)
        #expect(axis.high > axis.low && axis.low.isFinite && axis.high.isFinite)
        #expect(axis.ticks.count <= 20 && !axis.ticks.isEmpty)
        for value in values + [.nan, .infinity] { #expect((0...1).contains(axis.share(value))) }
        for tick in axis.ticks { #expect(!axis.text(tick).isEmpty) }
    }

    @Test func linesPassTheirPoints() throws {
        var chart = LineChart(
            title: "t", subtitle: "s", xTitle: "share of capacity", yTitle: "seconds",
            lines: [
                LineChart.Line(
                    name: "a", points: [.init(x: 0, y: 0), .init(x: 0.5, y: 5, spread: 1), .init(x: 1, y: 10)]),
                LineChart.Line(name: "b", points: [.init(x: .nan, y: 1), .init(x: 1, y: .infinity)]),
                LineChart.Line(name: "c", points: []),
            ])
        let contents = try XMLContents(chart.svg)
        #expect(contents.outside == nil)
        // From corner to corner, the second point in the middle.
        let line = try #require(
            contents.named("path").first {
                $0.attributes["stroke-width"] == "2" && $0.attributes["d"]?.contains("L") == true
            })
        let numbers = (line.attributes["d"] ?? "").split { "ML ".contains($0) }.compactMap { Double($0) }
        #expect(numbers.count == 6 && (numbers[2] - (numbers[0] + numbers[4]) / 2).magnitude <= 0.1)
        #expect((numbers[3] - (numbers[1] + numbers[5]) / 2).magnitude <= 0.1 && numbers[1] > numbers[5])
        let texts = try #require(contents.texts["text"])
        #expect(texts.contains("share of capacity") && texts.contains("seconds") && texts.contains("10"))
        chart.lines = (0..<20).map { line in
            LineChart.Line(name: "\(line)", points: (0..<10_000).map { .init(x: Double($0), y: Double($0 % 100)) })
        }
        #expect(try XMLContents(chart.svg).outside == nil && chart.svg.utf8.count < 200_000)
    }

    @Test func stackedBarsAreAsLongAsTheirSums() throws {
        let chart = StackedBars(
            title: "t", subtitle: "s", xTitle: "seconds", parts: ["one", "two"],
            bars: [
                .init(name: "a", parts: [1, 3]), .init(name: "b", parts: [2, -1]), .init(name: "c", parts: [.nan]),
            ])
        let contents = try XMLContents(chart.svg)
        #expect(contents.outside == nil)
        // Those of the legend are 12 high.
        let boxes = contents.named("rect").filter { $0.attributes["height"] == "24" }
        #expect(boxes.count == 3 && (boxes[1].number("width") - 3 * boxes[0].number("width")).magnitude < 0.3)
        #expect((boxes[2].number("width") - 2 * boxes[0].number("width")).magnitude < 0.3)
        #expect(contents.texts["text"]?.filter { $0 == "4" }.isEmpty == false)
    }

    @Test func groupedBarsStandOnZero() throws {
        let chart = GroupedBars(
            title: "t", subtitle: "s", yTitle: "seconds", groups: ["g1", "g2"],
            series: [
                .init(name: "a", values: [1, 2], spreads: [0.5]), .init(name: "b", values: [nil, 4]),
                .init(name: "c", values: [.nan]),
            ])
        let contents = try XMLContents(chart.svg)
        #expect(contents.outside == nil)
        let bars = contents.named("rect").filter { $0.number("width") > 50 && $0.number("width") < 200 }
        #expect(bars.count == 3)
        #expect((bars[2].number("height") - 4 * bars[0].number("height")).magnitude < 0.5)
        let bottoms = bars.map { $0.number("y") + $0.number("height") }
        #expect(bottoms.allSatisfy { ($0 - bottoms[0]).magnitude < 0.2 })
    }

    @Test func heatMapsShowTheBusiestRowsAndSaySo() throws {
        let rows = (0..<100).map { HeatMap.Row(name: "row \($0)", shares: [Double($0) / 100, 1]) }
        let chart = HeatMap(
            title: "t", subtitle: "s", start: 0, binSeconds: 2, sections: [.init(title: "Devices", rows: rows)])
        let contents = try XMLContents(chart.svg)
        #expect(contents.outside == nil)
        let texts = try #require(contents.texts["text"])
        #expect(texts.contains("Devices (the 48 busiest of 100)"))
        #expect(texts.contains { $0.contains("row 99") } && !texts.contains { $0.contains("row 51") })
        #expect(HeatMap.colour(0) == "#f0f0f0" && HeatMap.colour(5) == "#56b4e9" && HeatMap.colour(10) == "#002040")
        #expect(HeatMap.colour(99) == HeatMap.colour(10))
    }

    @Test func distributionsRiseToOne() throws {
        let chart = DistributionChart(
            title: "t", subtitle: "s", names: ["a", "b", "c"],
            panels: [
                .init(title: "x", values: [[1, 2, 3, 4], [], [.nan, 7]]), .init(title: "y", values: [[], [], []]),
                .init(title: "z", values: [(0..<100_000).map(Double.init)]),
                // One value is far beyond the others.
                .init(title: "far", values: [(0..<1000).map { $0 == 999 ? 1e9 : Double($0) }]),
            ])
        let contents = try XMLContents(chart.svg)
        #expect(contents.outside == nil && chart.svg.utf8.count < 60_000)
        let texts = try #require(contents.texts["text"])
        #expect(texts.contains("no values") && texts.contains("far (1 value lies beyond)"))
    }

    @Test func ganttChartsShowTheWindow() throws {
        let record = SampleRuns.record(200)
        func contents(_ window: GanttWindow) throws -> XMLContents? {
            try GanttChart(record, title: "t", subtitle: "s", window: window).svg.map { try XMLContents($0) }
        }
        let some = try #require(try contents(GanttWindow(from: 10, seconds: 1)))
        #expect(some.outside == nil)
        // Two requests a second, three stages each: the seventh and eighth of their steps.
        let titles = some.texts["title"] ?? []
        #expect(titles.count { $0.contains("step 20") || $0.contains("step 21") } == 6)
        #expect(titles.count { $0.hasPrefix("KV of request device 2") } == 2)
        #expect(!titles.contains { $0.contains("step 19,") || $0.contains("step 22,") })
        #expect(some.texts["text"]?.contains { $0.contains("1 s from 10.00 s on") } == true)
        #expect(try contents(GanttWindow(from: 1e9)) == nil && contents(GanttWindow(from: .nan)) == nil)
        #expect(try contents(GanttWindow())?.outside == nil)
        var without = record
        without.timeline = nil
        #expect(GanttChart(without, title: "t", subtitle: "s").svg == nil)
    }

    @Test func crowdedGanttChartsAreShortened() throws {
        var record = SampleRuns.record(5)
        record.timeline?.steps = (0..<60_000).map { number in
            RunTimeline.Step(
                stage: number % 3, kind: number % 2 == 0 ? .prefill : .decode, promptTokens: 1, sequences: 0,
                start: Double(number) * 1e-3, end: Double(number) * 1e-3 + 9e-4)
        }
        let svg = try #require(
            GanttChart(record, title: "t", subtitle: "s", window: GanttWindow(from: 0, seconds: 60)).svg)
        let contents = try XMLContents(svg)
        #expect(contents.named("rect").count <= GanttLanes.mostRectangles + 20 && contents.outside == nil)
        #expect(contents.texts["text"]?.contains { $0.contains("shortened") } == true)
    }
}
