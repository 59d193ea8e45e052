internal import Domain
internal import Drawing
internal import Simulation

/// What a Gantt chart shows: lanes with intervals, as few as can be drawn.
struct GanttLanes {
    /// Steps or transfers that are drawn as one.
    struct Interval {
        var start: Double
        var end: Double
        var kind: RunTimeline.Kind?
        var title: String
        var count = 1
    }

    /// The intervals of one stage or pair of devices.
    struct Lane {
        var name: String
        var intervals: [Interval]
        /// Seconds of all intervals within the window.
        var busy = 0.0
    }

    /// Lanes of stages and of pairs of devices at most, and rectangles of all lanes.
    static let mostStages = 40
    static let mostPairs = 24
    static let mostRectangles = 2500

    private(set) var stages: [Lane] = []
    private(set) var pairs: [Lane] = []
    /// Lanes that are left out: those that do least.
    private(set) var hidden = 0
    /// The window, shorter than asked for where there would be too many rectangles.
    private(set) var window: ClosedRange<Double>

    /// Picks what lies in the window; `width` is its width in pixels.
    init(_ timeline: RunTimeline, window: ClosedRange<Double>, width: Double) {
        self.window = window
        pick(timeline, width)
        while rectangles > Self.mostRectangles {
            let half = (self.window.upperBound - self.window.lowerBound) / 2
            guard self.window.lowerBound + half > self.window.lowerBound else { break }
            self.window = self.window.lowerBound...(self.window.lowerBound + half)
            pick(timeline, width)
        }
    }

    private var rectangles: Int { (stages + pairs).reduce(0) { $0 + $1.intervals.count } }

    private mutating func pick(_ timeline: RunTimeline, _ width: Double) {
        let pixel = (window.upperBound - window.lowerBound) / max(1, width)
        var steps = [[Interval]](repeating: [], count: timeline.stages.count)
        for step in timeline.steps where timeline.stages.indices.contains(step.stage) {
            add(step.start, step.end, step.kind, to: &steps[step.stage], pixel) { Self.title(step) }
        }
        var transfers: [Pair: [Interval]] = [:]
        for transfer in timeline.transfers {
            add(
                transfer.start, transfer.end, nil, to: &transfers[Pair(transfer.from, transfer.to), default: []], pixel
            ) { Self.title(transfer) }
        }
        let ordered = timeline.stages.indices.sorted { left, right in
            let (left, right) = (timeline.stages[left], timeline.stages[right])
            return (left.replica, left.stage, left.device) < (right.replica, right.stage, right.device)
        }
        let lanes = ordered.filter { !steps[$0].isEmpty }.map { place in
            lane("\(timeline.stages[place].replica): \(timeline.stages[place].device)", steps[place])
        }
        let links = transfers.keys.sorted().compactMap { pair in
            transfers[pair].flatMap { $0.isEmpty ? nil : lane("\(pair.from) \u{2192} \(pair.to)", $0) }
        }
        stages = Self.busiest(lanes, Self.mostStages)
        pairs = Self.busiest(links, Self.mostPairs)
        hidden = lanes.count - stages.count + links.count - pairs.count
    }

    private struct Pair: Hashable, Comparable {
        var from: DeviceID
        var to: DeviceID

        init(_ from: DeviceID, _ to: DeviceID) { (self.from, self.to) = (from, to) }

        static func < (left: Pair, right: Pair) -> Bool { (left.from, left.to) < (right.from, right.to) }
    }

    /// Adds what lies in the window; what is nearer than a third of a pixel to one of the same kind becomes one with it.
    private func add(
        _ start: Double, _ end: Double, _ kind: RunTimeline.Kind?, to intervals: inout [Interval], _ pixel: Double,
        title: () -> String
    ) {
        guard start.isFinite, end.isFinite, end >= start, end > window.lowerBound, start < window.upperBound else {
            return
        }
        let (start, end) = (max(start, window.lowerBound), min(end, window.upperBound))
        if let last = intervals.last, last.kind == kind, start >= last.start, start - last.end < pixel / 3,
            kind == nil || (end - start < pixel && (last.count > 1 || last.end - last.start < pixel))
        {
            intervals[intervals.count - 1].end = max(last.end, end)
            intervals[intervals.count - 1].count += 1
            return
        }
        intervals.append(Interval(start: start, end: end, kind: kind, title: title()))
    }

    private func lane(_ name: String, _ intervals: [Interval]) -> Lane {
        Lane(name: name, intervals: intervals, busy: intervals.reduce(0) { $0 + $1.end - $1.start })
    }

    private static func busiest(_ lanes: [Lane], _ most: Int) -> [Lane] {
        guard lanes.count > most else { return lanes }
        let order = lanes.indices.sorted { (-lanes[$0].busy, $0) < (-lanes[$1].busy, $1) }
        return order.prefix(most).sorted().map { lanes[$0] }
    }

    private static func title(_ step: RunTimeline.Step) -> String {
        var text = step.kind.rawValue
        if let number = step.number { text += " step \(number)" }
        if step.promptTokens > 0 {
            text += ", \(step.promptTokens) prompt tokens" + (step.request.map { " of request \($0)" } ?? "")
        }
        if step.sequences > 0 { text += ", " + ReportText.count(step.sequences, "sequence", "sequences") }
        return text + ": " + ReportText.seconds(step.end - step.start)
    }

    private static func title(_ transfer: RunTimeline.Transfer) -> String {
        "KV" + (transfer.request.map { " of request \($0)" } ?? "")
            + ", \(ReportText.bytes(transfer.bytes)): \(ReportText.seconds(transfer.end - transfer.start))"
    }
}
