/// What the gateway counts at one moment.
struct LoadFigures: Sendable, Hashable {
    /// Sequences that are computed.
    var running = 0
    /// Sequences that wait for a route.
    var waiting = 0
    /// Tokens of all prompts so far.
    var promptTokens = 0
    /// Tokens of all outputs so far.
    var generatedTokens = 0
    /// The reserved share of the KV cache, where it is known.
    var cacheUsage: Double?
}

/// The load of the last minutes, a point a second.
struct LoadSeries: Sendable {
    /// One point.
    struct Point: Sendable, Hashable {
        /// The second of the gateway's clock.
        var second: Int
        var running: Int
        var waiting: Int
        /// Generated tokens a second since the point before.
        var generated: Double
        /// Prompt tokens a second since the point before.
        var prompts: Double
        var cacheUsage: Double?
    }

    /// The points, oldest first.
    private(set) var points: [Point] = []
    private var last: (time: Double, figures: LoadFigures)?
    private let most: Int

    /// Makes a series that keeps so many points.
    init(most: Int = 300) { self.most = max(1, most) }

    /// Takes the figures of a moment; within one second only the first ones count.
    ///
    /// - Parameter now: seconds of a clock that only grows.
    mutating func sample(_ figures: LoadFigures, at now: Double) {
        let second = Int(now)
        if let newest = points.last, newest.second >= second { return }
        defer { last = (now, figures) }
        // Rates need a point before.
        guard let last, now > last.time else { return }
        func rate(_ count: (LoadFigures) -> Int) -> Double {
            let rate = Double(max(0, count(figures) - count(last.figures))) / (now - last.time)
            return (rate * 100).rounded() / 100
        }
        points.append(
            Point(
                second: second, running: figures.running, waiting: figures.waiting,
                generated: rate(\.generatedTokens), prompts: rate(\.promptTokens), cacheUsage: figures.cacheUsage))
        if points.count > most { points.removeFirst(points.count - most) }
    }

    /// The points under their seconds: running, waiting, generated and prompt tokens a second, share of the KV cache (-1: not known).
    var json: JSONValue {
        .object(
            points.map { point in
                let cache = point.cacheUsage.map { ($0 * 10_000).rounded() / 10_000 } ?? -1
                return JSONValue.Member(
                    key: String(point.second),
                    value: [
                        .integer(point.running), .integer(point.waiting), .number(point.generated),
                        .number(point.prompts), .number(cache),
                    ])
            })
    }
}
