/// What a planner found about moving from the plan in force to the plan that it proposes.
public struct PlanMove: Codable, Sendable, Hashable {
    /// The plan in force that was weighed; what follows says nothing about any other one.
    public var planInForce: PlanID
    /// Whether to move. Otherwise the proposed plan is the plan in force.
    public var replaces: Bool
    /// Seconds over which gain and cost were weighed.
    public var horizonSeconds: Double
    /// Seconds that all requests of the horizon together are served sooner.
    public var gainRequestSeconds: Double
    /// Seconds that all requests together wait longer because of the move.
    public var costRequestSeconds: Double
    /// Bytes of weights that devices have to load.
    public var loadBytes: Int
    /// Bytes of KV cache of sequences that cannot finish before the move; they are computed anew.
    public var kvBytes: Int
    /// Seconds until the new plan serves.
    public var transitionSeconds: Double
    /// Why, for people.
    public var reason: String

    /// Makes the statement.
    public init(
        planInForce: PlanID, replaces: Bool, horizonSeconds: Double, gainRequestSeconds: Double,
        costRequestSeconds: Double, loadBytes: Int = 0, kvBytes: Int = 0, transitionSeconds: Double = 0, reason: String
    ) {
        self.planInForce = planInForce
        self.replaces = replaces
        self.horizonSeconds = horizonSeconds
        self.gainRequestSeconds = gainRequestSeconds
        self.costRequestSeconds = costRequestSeconds
        self.loadBytes = loadBytes
        self.kvBytes = kvBytes
        self.transitionSeconds = transitionSeconds
        self.reason = reason
    }

    private enum CodingKeys: String, CodingKey {
        case replaces, reason
        case planInForce = "plan_in_force"
        case horizonSeconds = "horizon_s"
        case gainRequestSeconds = "gain_request_s"
        case costRequestSeconds = "cost_request_s"
        case loadBytes = "load_bytes"
        case kvBytes = "kv_bytes"
        case transitionSeconds = "transition_s"
    }
}
