internal import Domain
internal import Drawing
public import Simulation

/// Stages, links and KV cache of a run over a short time: what computes what, and where it waits.
public struct GanttChart: Sendable {
    private let record: RunRecord
    private let title: String
    private let subtitle: String
    private let window: GanttWindow

    private static let mostReplicas = 24
    private static let laneHeight = 15.0

    /// Draws a part of a run.
    public init(_ record: RunRecord, title: String, subtitle: String, window: GanttWindow = GanttWindow()) {
        self.record = record
        self.title = title
        self.subtitle = subtitle
        self.window = window
    }

    /// The picture; `nil` where no steps were recorded, or none in the window.
    public var svg: String? {
        guard let timeline = record.timeline else { return nil }
        let steps = timeline.steps.filter { $0.start.isFinite && $0.end.isFinite }
        let transfers = timeline.transfers.filter { $0.start.isFinite && $0.end.isFinite }
        guard let range = window.range(steps, transfers, until: timeline.intervalsUntil) else { return nil }
        let (left, right) = (230.0, ChartFrame.right - 12)
        let lanes = GanttLanes(timeline, window: range, width: right - left)
        guard !(lanes.stages + lanes.pairs).isEmpty else { return nil }
        let shown = lanes.window
        let levels = RunLevels(record, from: shown.lowerBound, to: shown.upperBound, bins: 240)
        let holding = levels.replicas.filter { $0.tokens.contains { $0 > 0 } }
        let replicas = Self.fullest(holding)
        let legend = Legend(
            ReplicaRole.allCases.map { (.box(PictureColours.fill($0)), Self.name($0)) }
                + [
                    (.box(PictureColours.flow), "KV transfer"),
                    (.box(Self.kvColour), "KV tokens held (full height: capacity)"),
                ])
        let top = ChartFrame.top + legend.height
        let sections = [lanes.stages.count, lanes.pairs.count, replicas.count].filter { $0 > 0 }
        let bottom = top + Double(sections.reduce(0, +)) * Self.laneHeight + Double(sections.count) * 24
        let area = PlotArea(
            left: left, top: top, right: right, bottom: bottom,
            horizontal: Axis([shown.lowerBound, shown.upperBound], rounds: false, count: 8),
            vertical: Axis(ticks: [], decimals: 0))
        return ChartFrame.svg(
            title, note(timeline, lanes, range, hidden: lanes.hidden + holding.count - replicas.count),
            height: bottom + 46
        ) { svg in
            legend.draw(&svg, top: ChartFrame.top)
            area.draw(&svg, xTitle: "seconds", yTitle: "")
            var y = top
            draw(&svg, "Stages", lanes.stages, &y, area)
            draw(&svg, "KV between devices", lanes.pairs, &y, area)
            if !replicas.isEmpty { head(&svg, "KV cache of replicas", &y) }
            for replica in replicas {
                draw(&svg, replica, levels, y, area)
                y += Self.laneHeight
            }
        }
    }

    private static let kvColour = "#cc79a7"

    private static func name(_ role: ReplicaRole) -> String {
        switch role {
        case .prefill: "prefill step"
        case .decode: "decode step"
        case .mixed: "step of both"
        }
    }

    /// As many replicas as there is room for: those whose caches are fullest.
    private static func fullest(_ replicas: [RunLevels.Replica]) -> [RunLevels.Replica] {
        guard replicas.count > mostReplicas else { return replicas }
        let shares = replicas.map { ($0.tokens.max() ?? 0) / max(1, $0.capacity.map(Double.init) ?? .infinity) }
        let order = replicas.indices.sorted { (-shares[$0], $0) < (-shares[$1], $1) }
        return order.prefix(mostReplicas).sorted().map { replicas[$0] }
    }

    private func note(
        _ timeline: RunTimeline, _ lanes: GanttLanes, _ asked: ClosedRange<Double>, hidden: Int
    ) -> String {
        let (from, to) = (lanes.window.lowerBound, lanes.window.upperBound)
        var text = "\(subtitle); \(ReportText.seconds(to - from)) from \(Axis([from, to], count: 40).text(from)) s on"
        if window.from == nil { text += ", the busiest such part" }
        if lanes.window != asked { text += ", shortened" }
        if hidden > 0 { text += "; " + ReportText.count(hidden, "quieter row", "quieter rows") + " left out" }
        if timeline.intervalsFrom > from {
            text += "; recorded from \(ReportText.seconds(timeline.intervalsFrom)) on"
        }
        if let until = timeline.intervalsUntil, until < to {
            text += "; steps from \(ReportText.seconds(until)) on were not all recorded"
        }
        return text
    }

    private func head(_ svg: inout SVGText, _ title: String, _ y: inout Double) {
        svg.label(title, x: ChartFrame.margin, y: y + 16, weight: "bold")
        y += 24
    }

    private func name(_ svg: inout SVGText, _ name: String, _ y: Double, _ area: PlotArea) {
        svg.element(
            "text",
            [
                "x": .number(area.left - 8), "y": .number(y + 11), "font-size": 10, "text-anchor": "end",
                "fill": .text(PictureColours.ink),
            ]
        ) {
            $0.title(name)
            $0.write(SVGText.shortened(name, to: 210, size: 10))
        }
    }

    private func draw(
        _ svg: inout SVGText, _ title: String, _ lanes: [GanttLanes.Lane], _ y: inout Double, _ area: PlotArea
    ) {
        guard !lanes.isEmpty else { return }
        head(&svg, title, &y)
        for lane in lanes {
            name(&svg, lane.name, y, area)
            for interval in lane.intervals {
                let x = area.x(interval.start)
                let fill =
                    switch interval.kind {
                    case .prefill: PictureColours.fill(.prefill)
                    case .decode: PictureColours.fill(.decode)
                    case .mixed: PictureColours.fill(.mixed)
                    case nil: PictureColours.flow
                    }
                let isWide = area.x(interval.end) - x > 3
                svg.box(
                    x: x, y: y + 2, width: max(0.4, area.x(interval.end) - x), height: Self.laneHeight - 4, fill: fill,
                    stroke: isWide ? "#ffffff" : "none", strokeWidth: 0.5,
                    title: interval.count == 1
                        ? interval.title
                        : "\(interval.count) together, "
                            + "\(ReportText.seconds(interval.end - interval.start)), first: \(interval.title)")
            }
            y += Self.laneHeight
        }
    }

    private func draw(
        _ svg: inout SVGText, _ replica: RunLevels.Replica, _ levels: RunLevels, _ y: Double, _ area: PlotArea
    ) {
        let most = replica.tokens.max() ?? 0
        let full = max(1, replica.capacity.map { max(Double($0), most) } ?? most)
        let room = replica.capacity.map { " of \($0)" } ?? ""
        name(&svg, "\(replica.id): \(ReportText.number(most))\(room)", y, area)
        let base = y + Self.laneHeight - 1
        var path = PathText()
        path.move(area.left, base)
        for (bin, tokens) in replica.tokens.enumerated() {
            path.upright(base - (Self.laneHeight - 2) * tokens / full)
            path.across(area.x(levels.start + Double(bin + 1) * levels.binSeconds))
        }
        path.upright(base)
        path.close()
        svg.fill(path, Self.kvColour, title: "KV tokens of \(replica.id), at most \(ReportText.number(most))\(room)")
    }
}
