public import Domain

/// Messages of the clusterer and the partitioner. The bodies of `partition.solve` and `partition.solution` are made of
/// the planner's query and answer types.
extension MessageType {
    /// clusterer -> partitioner: a batch of queries; reply `partition.solution`.
    public static let partitionSolve: MessageType = "partition.solve"
    /// Reply to `partition.solve`, answers in the order of the queries.
    public static let partitionSolution: MessageType = "partition.solution"
    /// scheduler or command line -> clusterer: `PlanRequest`; reply `plan.proposal`.
    public static let planRequest: MessageType = "plan.request"
    /// Reply to `plan.request`, and published: `PlanProposal`.
    public static let planProposal: MessageType = "plan.proposal"
    /// gateway or command line -> clusterer: `PlanPreview`; reply `plan.previewed`. Nothing is published (since 1.2).
    public static let planPreview: MessageType = "plan.preview"
    /// Reply to `plan.preview`: `PlanPreviewed`.
    public static let planPreviewed: MessageType = "plan.previewed"
}

/// A plan that would be made, and is not.
public struct PlanPreviewed: Codable, Sendable, Hashable {
    /// The plan.
    public var plan: PlacementPlan
    /// Seconds that the search took.
    public var searchSeconds: Double
    /// Where the question named a plan in force: whether the services would move away from it.
    public var move: PlanMove?
    /// Requests per second that the plan in force would sustain there; absent where it could not be in force, or is not known.
    public var inForceRequestsPerSecond: Double?

    /// Makes the body.
    public init(
        plan: PlacementPlan, searchSeconds: Double, move: PlanMove? = nil, inForceRequestsPerSecond: Double? = nil
    ) {
        self.plan = plan
        self.searchSeconds = searchSeconds
        self.move = move
        self.inForceRequestsPerSecond = inForceRequestsPerSecond
    }

    private enum CodingKeys: String, CodingKey {
        case plan, move
        case searchSeconds = "search_s"
        case inForceRequestsPerSecond = "in_force_requests_per_s"
    }
}

/// A plan that the clusterer proposes.
public struct PlanProposal: Codable, Sendable, Hashable {
    /// The plan.
    public var plan: PlacementPlan
    /// Why it was made.
    public var reason: String
    /// Seconds that the search took.
    public var searchSeconds: Double
    /// Where the request named a plan in force: whether to move, and what it gains and costs. Without it the asker compares
    /// the plans itself.
    public var move: PlanMove?
    /// Where it is published: sessions of those who asked for it and got it as an answer (since 1.2).
    public var askers: [String]?

    /// Makes the body.
    public init(
        plan: PlacementPlan, reason: String, searchSeconds: Double, move: PlanMove? = nil, askers: [String]? = nil
    ) {
        self.askers = askers
        self.plan = plan
        self.reason = reason
        self.searchSeconds = searchSeconds
        self.move = move
    }

    private enum CodingKeys: String, CodingKey {
        case plan, reason, move, askers
        case searchSeconds = "search_s"
    }
}
