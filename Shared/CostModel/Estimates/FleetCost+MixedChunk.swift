public import Domain

extension FleetCost {
    /// Prompt tokens of a step in which sequences decode as well: the fewest at which the slowest stage computes a prompt's
    /// tokens about as fast as in large chunks. `nil` where a device is unknown or cannot prefill.
    ///
    /// Sequences wait for the step that is under way, so shorter is better, until the stage spends its time reading weights.
    public func mixedChunkTokens(_ stages: [PlanStage]) -> Int? {
        func secondsPerToken(_ tokens: Int) -> Double? {
            var slowest = 0.0
            for stage in stages {
                guard let device = device(stage.device)?.cost else { return nil }
                let seconds = device.prefillSeconds(layers: stage.layers.count, tokens: tokens, earlier: 0)
                guard seconds.isFinite else { return nil }
                slowest = max(slowest, seconds / Double(tokens))
            }
            return slowest
        }
        guard let best = secondsPerToken(Self.largestMixedChunk) else { return nil }
        var tokens = Self.smallestMixedChunk
        while tokens < Self.largestMixedChunk, let seconds = secondsPerToken(tokens),
            seconds > best * (1 + Self.chunkTolerance)
        { tokens *= 2 }
        return tokens
    }

    private static let smallestMixedChunk = 16
    private static let largestMixedChunk = 256
    /// Share by which prompts may take longer.
    private static let chunkTolerance = 0.15
}
