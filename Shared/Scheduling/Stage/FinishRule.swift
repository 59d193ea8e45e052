public import Domain

/// When a sequence ends.
public enum FinishRule {
    /// Why the sequence ends with `token`, or `nil` where it goes on.
    ///
    /// - Parameters:
    ///   - generated: generated tokens with this one.
    ///   - length: tokens of prompt and output with this one.
    ///   - reservedTokens: longest sequence that KV cache is reserved for.
    public static func reason(
        token: Int32, generated: Int, length: Int, stop: StopConditions, reservedTokens: Int
    ) -> FinishReason? {
        if stop.stopTokens.contains(token) && generated > stop.minTokens { return .stop }
        if generated >= stop.maxTokens || length >= reservedTokens { return .length }
        return nil
    }
}
