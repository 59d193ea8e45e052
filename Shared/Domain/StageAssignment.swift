/// What a worker serves at the moment.
public struct StageAssignment: Codable, Sendable, Hashable {
    /// The plan; kept by workers so that a restarted scheduler can learn it from them.
    public var plan: PlacementPlan
    /// The replica that the worker belongs to.
    public var replica: ReplicaID
    /// The index of its stage.
    public var stage: Int

    /// Makes an assignment.
    public init(plan: PlacementPlan, replica: ReplicaID, stage: Int) {
        self.plan = plan
        self.replica = replica
        self.stage = stage
    }

    /// The layers, or `nil` where the plan has no such stage.
    public var layers: LayerRange? {
        guard let replica = plan.replicas.first(where: { $0.id == self.replica }),
            replica.stages.indices.contains(stage)
        else { return nil }
        return replica.stages[stage].layers
    }
}
