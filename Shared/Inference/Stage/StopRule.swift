public import Domain

/// Decides after each new token whether its sequence ends; the same everywhere that tokens are generated.
public enum StopRule {
    /// Why the sequence ends after `token`, or `nil` where it goes on.
    ///
    /// - Parameters:
    ///   - token: The new token.
    ///   - generated: Tokens of the output, the new one included.
    ///   - position: Index of the new token in its sequence, prompt included.
    ///   - contextTokens: Positions that prompt and output may take together.
    ///   - conditions: When to end.
    public static func finishReason(
        after token: Int32, generated: Int, position: Int, contextTokens: Int, conditions: StopConditions
    ) -> FinishReason? {
        if generated >= conditions.minTokens, conditions.stopTokens.contains(token) { return .stop }
        if generated >= conditions.maxTokens || position + 1 >= contextTokens { return .length }
        return nil
    }
}
