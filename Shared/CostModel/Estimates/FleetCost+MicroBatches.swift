public import Domain

extension FleetCost {
    /// Into how many micro-batches a replica should split its sequences: the fewest whose token gap is close to the smallest
    /// one. `nil` where a device is unknown or cannot decode.
    ///
    /// Every micro-batch reads the weights again, so one that shortens the gap little only takes time from prompts, of
    /// which a mixed replica has to compute its own between the steps.
    public func microBatches(
        _ stages: [PlanStage], role: ReplicaRole, concurrency: Int, contextTokens: Int
    ) -> Int? {
        guard concurrency > 0,
            let best = decodeEstimate(stages, concurrency: concurrency, contextTokens: contextTokens)
        else { return nil }
        let allowed = best.tokenGapSeconds * (1 + (role == .mixed ? Self.mixedTolerance : Self.decodeTolerance))
        for count in 1..<max(2, best.microBatches) {
            let estimate = decodeEstimate(
                stages, concurrency: concurrency, contextTokens: contextTokens, microBatches: count)
            if let estimate, estimate.tokenGapSeconds <= allowed { return count }
        }
        return best.microBatches
    }

    /// Shares of the token gap that fewer micro-batches may cost.
    private static let decodeTolerance = 0.02
    private static let mixedTolerance = 0.15
}
