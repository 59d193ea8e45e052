internal import Domain
internal import Foundation

/// Whether the traffic has moved away from what the plan was made for.
struct DriftDetector: Sendable {
    var factor: Double
    var samples: Int

    /// Names the mean that drifted, or `nil`. A rate below the planned one is no reason to plan anew.
    ///
    /// Traffic that goes up and down within the window has a mean that says little: what is seen must differ by the factor
    /// even where it is off by twice its standard error, `steadiness`.
    func drift(
        planned: WorkloadStatistics, seen: WorkloadStatistics, steadiness: WorkloadSteadiness
    ) -> String? {
        guard seen.sampleCount >= samples, factor > 1 else { return nil }
        if let text = moved("prompt length", planned.meanPromptTokens, seen.meanPromptTokens, steadiness.prompt) {
            return text
        }
        if let text = moved("output length", planned.meanOutputTokens, seen.meanOutputTokens, steadiness.output) {
            return text
        }
        guard seen.requestsPerSecond > planned.requestsPerSecond else { return nil }
        return moved("request rate", planned.requestsPerSecond, seen.requestsPerSecond, steadiness.rate)
    }

    private func moved(_ what: String, _ planned: Double, _ seen: Double, _ error: Double) -> String? {
        guard planned > 0, seen > 0 else { return nil }
        let distance = abs(log(seen / planned))
        guard distance - 2 * error >= log(factor) else { return nil }
        return "the mean \(what) drifted from \(rounded(planned)) to \(rounded(seen))"
    }

    private func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}

/// Relative standard errors of the means of a window, from the means of its parts: large where the traffic changes within
/// the window, or where there is too little of it.
struct WorkloadSteadiness: Sendable, Hashable {
    var prompt = 0.0
    var output = 0.0
    var rate = 0.0

    /// The relative standard error of a mean from the means of parts that follow each other.
    static func error(of parts: [Double]) -> Double {
        guard parts.count > 1 else { return 1 }
        let count = Double(parts.count)
        let mean = parts.reduce(0, +) / count
        guard mean > 0 else { return 1 }
        let variance = parts.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
        return (variance / count).squareRoot() / mean
    }
}
