internal import Domain

/// Checks a request against the plan before it may wait for a route.
struct Admission: Sendable {
    /// Longest sequence that any decoder replica can hold; `nil` while no plan is known.
    var longestSequence: Int?
    /// Most requests that may wait.
    var queueLimit: Int

    /// Largest number of tokens that is taken seriously; keeps sums far from overflow.
    private static let largestTokens = Plausible.mostTokens

    /// Why the request cannot be taken, or `nil`.
    func fault(_ request: SubmittedRequest, waiting: Int) -> Fault? {
        guard request.promptTokens > 0, request.promptTokens <= Self.largestTokens else {
            return .invalidRequest("the prompt has \(request.promptTokens) tokens")
        }
        guard request.generatedTokens >= 0, request.generatedTokens < request.promptTokens else {
            return .invalidRequest(
                "\(request.generatedTokens) of \(request.promptTokens) tokens cannot have been generated")
        }
        guard request.maxTokens > request.generatedTokens else {
            return .invalidRequest(
                "max_tokens is \(request.maxTokens), \(request.generatedTokens) were generated before")
        }
        if let longestSequence, request.promptTokens >= longestSequence {
            return .contextLengthExceeded(tokens: request.promptTokens, limit: longestSequence)
        }
        guard waiting < queueLimit else { return .overloaded("\(waiting) requests wait already") }
        return nil
    }

    /// Prompt and output together at most, without what the decoder replica can hold.
    static func totalTokens(_ request: SubmittedRequest, maxContext: Int) -> Int {
        let output = min(request.maxTokens, largestTokens) - request.generatedTokens
        return min(maxContext, request.promptTokens + output)
    }
}
