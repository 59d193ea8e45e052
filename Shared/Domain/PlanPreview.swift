/// Asks which plan would be made for a fleet that differs from the one that is there; nothing comes of it.
public struct PlanPreview: Codable, Sendable, Hashable {
    /// How the fleet is imagined to differ.
    public var changes: FleetChanges
    /// The traffic to plan for; absent means what the clusterer last heard.
    public var workload: WorkloadStatistics?
    /// The plan in force; the answer says what it would do there, and whether the services would move away from it.
    public var planInForce: PlacementPlan?
    /// The longest sequence that the plan must be able to hold; absent leaves it to the clusterer.
    public var contextTokens: Int?

    /// Makes the body.
    public init(
        changes: FleetChanges, workload: WorkloadStatistics? = nil, planInForce: PlacementPlan? = nil,
        contextTokens: Int? = nil
    ) {
        self.changes = changes
        self.workload = workload
        self.planInForce = planInForce
        self.contextTokens = contextTokens
    }

    private enum CodingKeys: String, CodingKey {
        case changes, workload
        case planInForce = "plan_in_force"
        case contextTokens = "context_tokens"
    }
}
