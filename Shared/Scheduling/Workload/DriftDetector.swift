internal import Domain

/// Whether the traffic has moved away from what the plan was made for.
struct DriftDetector: Sendable {
    var factor: Double
    var samples: Int

    /// Names the mean that drifted, or `nil`. A rate below the planned one is no reason to plan anew.
    func drift(planned: WorkloadStatistics, seen: WorkloadStatistics) -> String? {
        guard seen.sampleCount >= samples, factor > 1 else { return nil }
        if let text = moved("prompt length", planned.meanPromptTokens, seen.meanPromptTokens) { return text }
        if let text = moved("output length", planned.meanOutputTokens, seen.meanOutputTokens) { return text }
        guard seen.requestsPerSecond > planned.requestsPerSecond else { return nil }
        return moved("request rate", planned.requestsPerSecond, seen.requestsPerSecond)
    }

    private func moved(_ what: String, _ planned: Double, _ seen: Double) -> String? {
        guard planned > 0, seen > 0 else { return nil }
        let ratio = max(planned / seen, seen / planned)
        guard ratio >= factor else { return nil }
        return "the mean \(what) drifted from \(rounded(planned)) to \(rounded(seen))"
    }

    private func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}
