internal import Domain

/// Arrivals, prompt and output lengths over a sliding window.
struct WorkloadWindow: Sendable {
    private let seconds: Double
    private var arrivals: [(time: Double, promptTokens: Int)] = []
    private var outputs: [(time: Double, tokens: Int)] = []
    private var outputSum = 0.0

    /// Oldest samples beyond this number leave early.
    private static let capacity = 4096

    init(seconds: Double) { self.seconds = seconds }

    /// A new request came (not a continued one).
    mutating func arrived(promptTokens: Int, at now: Double) {
        arrivals.append((now, promptTokens))
        forget(before: now - seconds)
    }

    /// A request ended after `tokens` tokens.
    mutating func finished(tokens: Int, at now: Double) {
        outputs.append((now, tokens))
        outputSum += Double(tokens)
        forget(before: now - seconds)
    }

    /// Means of the window, or `nil` before any request. Without a finished request the output length is `assumed`.
    mutating func statistics(assumed: WorkloadStatistics, at now: Double) -> WorkloadStatistics? {
        forget(before: now - seconds)
        guard let first = arrivals.first, let last = arrivals.last else { return nil }
        let count = Double(arrivals.count)
        // The window is as long as it has been watched; a lone burst does not count as an endless rate.
        let span = max(now - first.time, 1)
        let prompt = arrivals.reduce(0) { $0 + Double($1.promptTokens) } / count
        let output = max(1, meanOutputTokens ?? assumed.meanOutputTokens)
        return WorkloadStatistics(
            requestsPerSecond: count / span, meanPromptTokens: max(1, prompt), meanOutputTokens: output,
            arrivalVariation: variation(span: last.time - first.time), sampleCount: arrivals.count)
    }

    /// How far the means may be off: the window is cut into parts of equal time.
    var steadiness: WorkloadSteadiness {
        guard let first = arrivals.first, let last = arrivals.last, last.time > first.time else {
            return WorkloadSteadiness(prompt: 1, output: 1, rate: 1)
        }
        let span = last.time - first.time
        func part(_ time: Double) -> Int {
            min(Self.parts - 1, max(0, Int((time - first.time) / span * Double(Self.parts))))
        }
        var prompts = [Double](repeating: 0, count: Self.parts)
        var counts = prompts
        var outputTokens = prompts
        var outputCounts = prompts
        for arrival in arrivals {
            prompts[part(arrival.time)] += Double(arrival.promptTokens)
            counts[part(arrival.time)] += 1
        }
        for output in outputs {
            outputTokens[part(output.time)] += Double(output.tokens)
            outputCounts[part(output.time)] += 1
        }
        func means(_ sums: [Double], _ counts: [Double]) -> [Double] {
            zip(sums, counts).compactMap { $1 > 0 ? $0 / $1 : nil }
        }
        return WorkloadSteadiness(
            prompt: WorkloadSteadiness.error(of: means(prompts, counts)),
            output: WorkloadSteadiness.error(of: means(outputTokens, outputCounts)),
            rate: WorkloadSteadiness.error(of: counts))
    }

    private static let parts = 6

    /// Mean output length of finished requests, or `nil` before there was one.
    var meanOutputTokens: Double? {
        outputs.isEmpty ? nil : outputSum / Double(outputs.count)
    }

    /// Squared coefficient of variation of the times between arrivals; 1 with too few of them to tell.
    private func variation(span: Double) -> Double {
        guard arrivals.count > 2, span > 0 else { return 1 }
        let gaps = zip(arrivals, arrivals.dropFirst()).map { $1.time - $0.time }
        let mean = span / Double(gaps.count)
        let variance = gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(gaps.count)
        return variance / (mean * mean)
    }

    private mutating func forget(before time: Double) {
        let old = max(arrivals.firstIndex { $0.time >= time } ?? arrivals.count, arrivals.count - Self.capacity)
        if old > 0 { arrivals.removeFirst(old) }
        let oldOutputs = max(outputs.firstIndex { $0.time >= time } ?? outputs.count, outputs.count - Self.capacity)
        if oldOutputs > 0 {
            for output in outputs.prefix(oldOutputs) { outputSum -= Double(output.tokens) }
            outputs.removeFirst(oldOutputs)
        }
    }
}
