public import CostModel
public import Domain

extension PlacementPlan {
    /// The plan with the figures that a plan file does not have: room for KV cache, and as many sequences as there is room for
    /// with requests of so many tokens, up to the largest batch.
    public func completed(_ cost: FleetCost, requestTokens: Int, largestBatch: Int) -> PlacementPlan {
        var plan = self
        let cost = cost.keeping(kvType)
        for index in plan.replicas.indices {
            let stages = plan.replicas[index].stages
            let capacity = cost.kvCapacityTokens(stages)
            plan.replicas[index].kvCapacityTokens = capacity
            guard plan.replicas[index].role != .prefill, plan.replicas[index].decodeConcurrency < 1 else { continue }
            plan.replicas[index].decodeConcurrency = max(1, min(largestBatch, capacity / max(1, requestTokens)))
            plan.replicas[index].microBatches = cost.microBatches(
                stages, role: plan.replicas[index].role, concurrency: plan.replicas[index].decodeConcurrency,
                contextTokens: requestTokens)
            plan.replicas[index].mixedChunkTokens = cost.mixedChunkTokens(stages)
        }
        return plan
    }
}
