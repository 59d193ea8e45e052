public import Domain

/// The traffic that a plan is made for.
public struct PlanningDemand: Sendable, Hashable {
    /// Requests per second.
    public var rate: Double
    /// Mean tokens of a prompt.
    public var promptTokens: Double
    /// Mean tokens of an output, the one that prefill produces included.
    public var outputTokens: Double
    /// Most tokens of a request, prompt and output together.
    public var longestRequestTokens: Int
    /// Squared coefficient of variation of the times between arrivals; 1 is Poisson.
    public var arrivalVariation: Double
    /// Squared coefficient of variation of prompt lengths.
    public var promptVariation: Double
    /// Squared coefficient of variation of output lengths.
    public var outputVariation: Double

    /// Makes a demand.
    public init(
        rate: Double, promptTokens: Double, outputTokens: Double, longestRequestTokens: Int = 2048,
        arrivalVariation: Double = 1, promptVariation: Double = 0.5, outputVariation: Double = 1
    ) {
        self.rate = rate
        self.promptTokens = promptTokens
        self.outputTokens = outputTokens
        self.longestRequestTokens = longestRequestTokens
        self.arrivalVariation = arrivalVariation
        self.promptVariation = promptVariation
        self.outputVariation = outputVariation
    }

    /// Takes measured statistics; lengths are taken to vary like those of the Azure traces (Patel et al., ISCA 2024), about
    /// as much as an exponential distribution for outputs and half of that for prompts.
    public init(_ workload: WorkloadStatistics, longestRequestTokens: Int = 2048) {
        self.init(
            rate: workload.requestsPerSecond, promptTokens: workload.meanPromptTokens,
            outputTokens: workload.meanOutputTokens, longestRequestTokens: longestRequestTokens,
            arrivalVariation: workload.arrivalVariation)
    }

    /// The same as statistics.
    public var statistics: WorkloadStatistics {
        WorkloadStatistics(
            requestsPerSecond: rate, meanPromptTokens: promptTokens, meanOutputTokens: outputTokens,
            arrivalVariation: arrivalVariation)
    }

    /// What is wrong with the figures, naming the field; `nil` where nothing is.
    var problem: String? {
        let figures = [
            ("requests_per_s", rate, 1e-9, 1e9), ("mean_prompt_tokens", promptTokens, 1, 1e7),
            ("mean_output_tokens", outputTokens, 1, 1e7), ("arrival_variation", arrivalVariation, 0, 1e9),
            ("prompt_variation", promptVariation, 0, 1e9), ("output_variation", outputVariation, 0, 1e9),
        ]
        for (name, value, low, high) in figures where !(value >= low && value <= high) {
            return "\(name): \(value) is not in \(low)...\(high)"
        }
        if !(1...(1 << 24)).contains(longestRequestTokens) {
            return "longest request: \(longestRequestTokens) is not in 1...\(1 << 24)"
        }
        return nil
    }
}
