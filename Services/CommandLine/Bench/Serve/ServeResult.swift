import Foundation

/// The figures of a run under the keys of `vllm bench serve --save-result`.
struct ServeResult: Encodable {
    /// When the run started.
    var date: Date
    /// What was spoken.
    var interface: ServeInterface
    /// The model's name.
    var model: String
    /// A name of the run.
    var label: String?
    /// More keys.
    var metadata: [String: String]
    /// When requests were sent.
    var traffic: ServeTraffic
    /// How many.
    var requests: Int
    /// What they gave.
    var figures: ServeFigures
    /// What of it is told.
    var selection: ServeSelection
    /// Every request.
    var run: ServeRun.Result
    /// Whether all prompts had been sent once before.
    var isWarm: Bool

    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.init(stringValue) }
        init?(intValue: Int) { nil }
    }

    /// `p99`, `p99.9`.
    static func percentileName(_ percent: Double) -> String { "p\(shortNumber(percent))" }

    private static func shortNumber(_ value: Double) -> String {
        value.isFinite && value == value.rounded() && value.magnitude < 1e15 ? "\(Int(value))" : "\(value)"
    }

    func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        func put(_ name: String, _ value: some Encodable) throws { try values.encode(value, forKey: Key(name)) }
        // First, so that no key of theirs hides one of ours.
        for (name, value) in metadata { try put(name, value) }
        try put("date", dateText)
        try put("endpoint_type", interface.backend)
        try put("backend", interface.backend)
        try put("label", label)
        try put("model_id", model)
        try put("tokenizer_id", model)
        try put("num_prompts", requests)
        // JSON has no infinite numbers; vLLM writes a text, too.
        if traffic.requestRate.isFinite {
            try put("request_rate", traffic.requestRate)
        } else {
            try put("request_rate", "inf")
        }
        try put("burstiness", traffic.burstiness)
        try put("max_concurrency", traffic.maxConcurrency)
        try put("warm", isWarm)
        try put("duration", figures.duration)
        try put("completed", figures.completed)
        try put("failed", figures.failed)
        try put("total_input_tokens", figures.inputTokens)
        try put("total_output_tokens", figures.outputTokens)
        try put("request_throughput", figures.requestsPerSecond)
        try put("request_goodput", figures.goodput)
        try put("output_throughput", figures.outputPerSecond)
        try put("total_token_throughput", figures.tokensPerSecond)
        try put("max_output_tokens_per_s", figures.mostTokensPerSecond)
        try put("max_concurrent_requests", figures.mostRequests)
        for metric in selection.metrics {
            guard let statistics = figures.statistics[metric] else { continue }
            try put("mean_\(metric.rawValue)_ms", statistics.mean)
            try put("median_\(metric.rawValue)_ms", statistics.median)
            try put("std_\(metric.rawValue)_ms", statistics.deviation)
            for percent in selection.percentiles {
                try put("\(Self.percentileName(percent))_\(metric.rawValue)_ms", statistics.percentile(percent))
            }
        }
        guard selection.isDetailed else { return }
        try put("input_lens", run.outcomes.map(\.inputTokens))
        try put("output_lens", run.outcomes.map(\.outputTokens))
        try put("start_times", run.outcomes.map(\.sent))
        try put("ttfts", run.outcomes.map(\.firstToken))
        try put("itls", run.outcomes.map(\.gaps))
        try put("latencies", run.outcomes.map(\.latency))
        try put("errors", run.outcomes.map { $0.problem ?? "" })
    }

    /// The time of the start as in vLLM's files: `20260131-235959`.
    private var dateText: String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.dateFormat = "yyyyMMdd-HHmmss"
        return formatter.string(from: date)
    }

    /// The name of the file where none is given, made as in vLLM.
    var defaultName: String {
        let limit = traffic.maxConcurrency.map { "-concurrency\($0)" } ?? ""
        // A model's name may be a path.
        let base = model.split(separator: "/").last.map(String.init) ?? "model"
        let name = (label ?? interface.backend).replacingOccurrences(of: "/", with: "-")
        return "\(name)-\(Self.shortNumber(traffic.requestRate))qps\(limit)-\(base)-\(dateText).json"
    }

    /// The table that vLLM prints.
    var text: String {
        var lines = [Self.headline(" Serving Benchmark Result ", "=")]
        func line(_ name: String, _ value: Double, _ digits: Int = 2) {
            let number = String(format: "%.\(digits)f", value)
            lines.append(name.padding(toLength: 41, withPad: " ", startingAt: 0) + number)
        }
        line("Successful requests:", Double(figures.completed), 0)
        line("Failed requests:", Double(figures.failed), 0)
        if let limit = traffic.maxConcurrency { line("Maximum request concurrency:", Double(limit), 0) }
        if traffic.requestRate.isFinite { line("Request rate configured (RPS):", traffic.requestRate) }
        line("Benchmark duration (s):", figures.duration)
        line("Total input tokens:", Double(figures.inputTokens), 0)
        line("Total generated tokens:", Double(figures.outputTokens), 0)
        line("Request throughput (req/s):", figures.requestsPerSecond)
        if let goodput = figures.goodput { line("Request goodput (req/s):", goodput) }
        line("Output token throughput (tok/s):", figures.outputPerSecond)
        line("Peak output token throughput (tok/s):", figures.mostTokensPerSecond)
        line("Peak concurrent requests:", Double(figures.mostRequests))
        line("Total Token throughput (tok/s):", figures.tokensPerSecond)
        for metric in selection.metrics {
            guard let statistics = figures.statistics[metric] else { continue }
            let name = metric.rawValue.uppercased()
            lines.append(Self.headline(metric.title, "-"))
            line("Mean \(name) (ms):", statistics.mean)
            line("Median \(name) (ms):", statistics.median)
            for percent in selection.percentiles {
                line("\(Self.percentileName(percent).uppercased()) \(name) (ms):", statistics.percentile(percent))
            }
        }
        lines.append(String(repeating: "=", count: 50))
        return lines.joined(separator: "\n")
    }

    private static func headline(_ text: String, _ filler: Character) -> String {
        let missing = max(0, 50 - text.count)
        let left = String(repeating: filler, count: missing / 2)
        return left + text + String(repeating: filler, count: missing - missing / 2)
    }
}
