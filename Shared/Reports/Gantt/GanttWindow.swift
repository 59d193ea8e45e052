internal import Simulation

/// The part of a run that a Gantt chart shows, in seconds on the clock of the run.
public struct GanttWindow: Sendable, Hashable {
    /// Where it begins; `nil` for the busiest part.
    public var from: Double?
    /// How long it is; `nil` for as long as some hundred steps take.
    public var seconds: Double?

    /// Makes a window.
    public init(from: Double? = nil, seconds: Double? = nil) {
        self.from = from
        self.seconds = seconds
    }

    /// Steps that a window without a length holds, about.
    private static let usualSteps = 300.0
    /// Places at which a window without a start is tried.
    private static let mostPlaces = 400

    /// The window in a timeline; `nil` where nothing was recorded.
    func range(_ steps: [RunTimeline.Step], _ transfers: [RunTimeline.Transfer], until: Double?) -> ClosedRange<Double>?
    {
        let busy = steps.map { ($0.start, $0.end) } + transfers.map { ($0.start, $0.end) }
        guard let first = busy.map(\.0).min(), let end = busy.map(\.1).max(), end > first else { return nil }
        let last = max(first, min(end, until ?? end))
        if let from, !from.isFinite || from >= end { return nil }
        let begin = from ?? first
        let count = max(1, busy.count { $0.0 < last })
        let usual = max(1e-9, last - first) * min(1, Self.usualSteps / Double(count))
        let length = seconds.flatMap { $0.isFinite && $0 > 0 ? $0 : nil } ?? usual
        guard from == nil, last - first > length else {
            // Rounding must not leave an empty window.
            return begin...max(begin + length, begin.nextUp)
        }
        let places = max(1, min(Self.mostPlaces, Int(min(1e6, (last - first - length) / length * 4)) + 1))
        var best = (first, -1.0)
        for place in 0...places {
            let start = first + (last - length - first) * Double(place) / Double(places)
            let sum = busy.reduce(0) { $0 + max(0, min($1.1, start + length) - max($1.0, start)) }
            // Sums that differ by rounding are the same.
            if sum > best.1 * (1 + 1e-9) { best = (start, sum) }
        }
        return best.0...max(best.0 + length, best.0.nextUp)
    }
}
