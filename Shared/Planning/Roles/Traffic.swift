internal import Domain

/// The traffic to plan for as whole numbers and bounds, made from workload statistics.
struct Traffic: Sendable {
    /// Requests per second.
    let rate: Double
    /// Seconds between two requests.
    let interval: Double
    /// Tokens of a mean prompt.
    let promptTokens: Int
    /// Tokens of a mean output.
    let outputTokens: Int
    /// `(Ca^2 + Cs^2) / 2` of the Allen-Cunneen formula, service times taken as exponential.
    let variation: Double

    /// Tokens of KV cache that a mean request ends with.
    var requestTokens: Int { promptTokens + outputTokens }
    /// Mean tokens in the KV cache of a decoding sequence.
    var contextTokens: Int { promptTokens + outputTokens / 2 }

    init(_ workload: WorkloadStatistics) throws(PlanningError) {
        let figures = [
            ("requests_per_s", workload.requestsPerSecond), ("mean_prompt_tokens", workload.meanPromptTokens),
            ("mean_output_tokens", workload.meanOutputTokens), ("arrival_variation", workload.arrivalVariation),
        ]
        for (name, value) in figures where !(value.isFinite && value >= 0 && value <= 1e6) {
            throw PlanningError(.invalidInput, "workload: \(name) is \(value), not in 0...1000000")
        }
        rate = max(workload.requestsPerSecond, 1e-6)
        interval = 1 / rate
        promptTokens = max(1, Int(workload.meanPromptTokens.rounded()))
        outputTokens = max(1, Int(workload.meanOutputTokens.rounded()))
        variation = (min(workload.arrivalVariation, 20) + 1) / 2
    }

    /// Mean waiting time of `servers` parallel places with service time `seconds`, of which `utilisation` is used
    /// (Allen-Cunneen with Sakasegawa's approximation). Finite above saturation too, and growing with it, so that
    /// overloaded plans can be compared.
    func waitSeconds(utilisation: Double, servers: Int, seconds: Double) -> Double {
        let stable = min(utilisation, 0.98)
        guard stable > 0 else { return 0 }
        let power =
            servers == 1 ? stable : Exponential.power(stable, (2 * Double(servers + 1)).squareRoot() - 1)
        let wait = variation * seconds * power / (Double(servers) * (1 - stable))
        return utilisation > stable ? wait * (1 + 50 * (utilisation - stable)) : wait
    }
}
