internal import CostModel
public import Domain

extension PlanningResult {
    /// The plan as services and files have it. Its id depends on the placement alone: equal placements have equal ids.
    public func placementPlan(algorithm: String, fleetVersion: UInt64 = 0) -> PlacementPlan {
        let cost = instance.cost
        let names = GroupNames(placed.groups).names
        let replicas = zip(names, placed.groups).map { name, group in
            let stages = stages(group)
            return PlanReplica(
                id: ReplicaID(name), role: group.role, stages: stages, decodeConcurrency: group.concurrency,
                microBatches: cost.microBatches(
                    stages, role: group.role, concurrency: group.concurrency, contextTokens: instance.contextTokens),
                mixedChunkTokens: group.role == .prefill ? nil : cost.mixedChunkTokens(stages),
                kvCapacityTokens: cost.kvCapacityTokens(stages), predictedRequestsPerSecond: group.rate,
                predictedTokenGapSeconds: group.tokenGap)
        }.sorted { $0.id < $1.id }
        let used = Set(replicas.flatMap { $0.stages.map(\.device) })
        // A queue that grows without end has no mean; plans are compared by a number.
        let waiting = placed.times.waiting
        return PlacementPlan(
            id: PlanFingerprint.id(model: cost.model.digest, replicas: replicas, kvType: cost.kvType),
            model: cost.model.digest,
            fleetVersion: fleetVersion, workload: instance.demand.statistics, replicas: replicas,
            idleDevices: cost.devices.map(\.id).filter { !used.contains($0) },
            predictedRequestsPerSecond: placed.rate, objective: waiting.isFinite ? waiting : 1e9,
            algorithm: algorithm, relaxations: relaxations,
            upperBoundRequestsPerSecond: upperBound.isFinite ? upperBound : nil, kvType: cost.kvType)
    }

    private func stages(_ group: GroupOption) -> [PlanStage] {
        let cost = instance.cost
        let batch = group.microBatches > 0 ? (group.concurrency + group.microBatches - 1) / group.microBatches : 0
        var start = 0
        return zip(group.order, group.layers).map { device, layers in
            var stage = PlanStage(device: cost.devices[device].id, layers: LayerRange(start, start + layers))
            start += layers
            // Decoder replicas may prefill for themselves, so they carry both times.
            let prefill = cost.prefillSeconds(
                stage, tokens: instance.promptTokens, chunkTokens: instance.limits.chunkTokens)
            stage.predictedPrefillSeconds = prefill.flatMap { $0.isFinite ? $0 : nil }
            if batch > 0 {
                stage.predictedDecodeSeconds = cost.decodeSeconds(
                    stage, batch: batch, contextSum: batch * instance.contextTokens)
            }
            return stage
        }
    }
}
