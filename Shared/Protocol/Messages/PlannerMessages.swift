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
