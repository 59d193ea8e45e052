internal import Planning

/// The traffic of the suite: the conversation part of the Azure LLM inference trace 2023 (Azure Public Dataset, CC-BY 4.0;
/// Patel et al., Splitwise, ISCA 2024) for a context of 2048 tokens: the 16,528 of its 19,366 requests whose prompt and output
/// are no longer than that together.
enum SuiteTraffic {
    /// Mean tokens of a prompt.
    static let promptTokens = 753.7
    /// Mean tokens of an output.
    static let outputTokens = 232.5
    /// Squared coefficients of variation.
    static let promptVariation = 0.332
    static let outputVariation = 0.493
    /// That of the times between arrivals, of the whole trace (a coefficient of 1.09).
    static let arrivalVariation = 1.19
    /// Tokens of the longest request.
    static let longestRequestTokens = 2048

    /// The traffic at a rate in requests per second.
    static func demand(rate: Double) -> PlanningDemand {
        PlanningDemand(
            rate: rate, promptTokens: promptTokens, outputTokens: outputTokens,
            longestRequestTokens: longestRequestTokens, arrivalVariation: arrivalVariation,
            promptVariation: promptVariation, outputVariation: outputVariation)
    }
}
