import Foundation

/// The measures of which vLLM gives mean, median, deviation and percentiles.
enum ServeMetric: String, CaseIterable, Sendable, Hashable {
    /// Time to the first token.
    case ttft
    /// Time a token behind the first one.
    case tpot
    /// Time between two pieces of an answer.
    case itl
    /// Time to the end of the answer.
    case e2el

    /// vLLM's headline.
    var title: String {
        switch self {
        case .ttft: "Time to First Token"
        case .tpot: "Time per Output Token (excl. 1st token)"
        case .itl: "Inter-token Latency"
        case .e2el: "End-to-end Latency"
        }
    }

    /// The values of one request, in seconds.
    func values(_ outcome: ServeOutcome) -> [Double] {
        switch self {
        case .ttft: [outcome.firstToken]
        case .tpot: outcome.perToken.map { [$0] } ?? []
        case .itl: outcome.gaps
        case .e2el: [outcome.latency]
        }
    }
}

/// A limit that a request has to keep to be a good one.
struct ServeObjective: Sendable, Hashable {
    /// Of what.
    var metric: ServeMetric
    /// At most.
    var milliseconds: Double

    /// Whether a request keeps it.
    func isKept(by outcome: ServeOutcome) -> Bool {
        metric.values(outcome).allSatisfy { $0 * 1000 <= milliseconds }
    }
}

/// What a run gave.
struct ServeFigures: Sendable, Hashable {
    /// Seconds from the start to the last answer.
    var duration: Double
    /// Requests that were answered.
    var completed: Int
    /// The others.
    var failed: Int
    /// Tokens of the prompts of answered requests.
    var inputTokens: Int
    /// Tokens of the answers.
    var outputTokens: Int
    /// Requests per second that kept all objectives; `nil` without objectives.
    var goodput: Double?
    /// Most tokens that came within one second.
    var mostTokensPerSecond: Double
    /// Most requests that were under way at a time.
    var mostRequests: Int
    /// Values in milliseconds.
    var statistics: [ServeMetric: ServeStatistics]

    /// Sums up a run.
    init(_ run: ServeRun.Result, goodput objectives: [ServeObjective] = []) {
        let finished = run.outcomes.filter { $0.problem == nil }
        duration = run.duration
        completed = finished.count
        failed = run.outcomes.count - finished.count
        inputTokens = finished.reduce(0) { $0 + $1.inputTokens }
        outputTokens = finished.reduce(0) { $0 + $1.outputTokens }
        let good = finished.count { outcome in objectives.allSatisfy { $0.isKept(by: outcome) } }
        goodput = objectives.isEmpty ? nil : Self.rate(good, run.duration)
        mostTokensPerSecond = Double(Self.mostTokens(finished))
        mostRequests = Self.mostAtATime(finished)
        statistics = Dictionary(
            uniqueKeysWithValues: ServeMetric.allCases.map { metric in
                (metric, ServeStatistics(finished.flatMap(metric.values).map { $0 * 1000 }))
            })
    }

    /// Answered requests per second.
    var requestsPerSecond: Double { Self.rate(completed, duration) }
    /// Generated tokens per second.
    var outputPerSecond: Double { Self.rate(outputTokens, duration) }
    /// Tokens of prompts and answers per second.
    var tokensPerSecond: Double { Self.rate(inputTokens + outputTokens, duration) }

    private static func rate(_ count: Int, _ seconds: Double) -> Double { seconds > 0 ? Double(count) / seconds : 0 }

    /// Pieces of answers by whole seconds since the first request, as vLLM counts.
    private static func mostTokens(_ outcomes: [ServeOutcome]) -> Int {
        let start = outcomes.map(\.sent).min() ?? 0
        var counts: [Int: Int] = [:]
        for outcome in outcomes {
            var moment = outcome.sent + outcome.firstToken
            counts[Int(moment - start), default: 0] += 1
            for gap in outcome.gaps {
                moment += gap
                counts[Int(moment - start), default: 0] += 1
            }
        }
        return counts.values.max() ?? 0
    }

    private static func mostAtATime(_ outcomes: [ServeOutcome]) -> Int {
        // Who ends when another one starts is not under way with it.
        let changes = outcomes.flatMap { [($0.sent, 1), ($0.sent + $0.latency, -1)] }.sorted { $0 < $1 }
        var (now, most) = (0, 0)
        for (_, change) in changes {
            now += change
            most = max(most, now)
        }
        return most
    }
}
