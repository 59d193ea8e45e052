/// The traffic that a plan is made for: means over a window of requests.
public struct WorkloadStatistics: Codable, Sendable, Hashable {
    /// Requests per second.
    public var requestsPerSecond: Double
    /// Mean prompt length in tokens.
    public var meanPromptTokens: Double
    /// Mean output length in tokens.
    public var meanOutputTokens: Double
    /// Squared coefficient of variation of the times between arrivals; 1 is Poisson.
    public var arrivalVariation: Double
    /// How many requests the figures stand on; 0 for an assumption.
    public var sampleCount: Int

    /// Makes statistics; the defaults are the assumption before any traffic was seen.
    public init(
        requestsPerSecond: Double = 1, meanPromptTokens: Double = 256, meanOutputTokens: Double = 128,
        arrivalVariation: Double = 1, sampleCount: Int = 0
    ) {
        self.requestsPerSecond = requestsPerSecond
        self.meanPromptTokens = meanPromptTokens
        self.meanOutputTokens = meanOutputTokens
        self.arrivalVariation = arrivalVariation
        self.sampleCount = sampleCount
    }

    private enum CodingKeys: String, CodingKey {
        case requestsPerSecond = "requests_per_s"
        case meanPromptTokens = "mean_prompt_tokens"
        case meanOutputTokens = "mean_output_tokens"
        case arrivalVariation = "arrival_variation"
        case sampleCount = "sample_count"
    }
}
