import Domain
import Planning
import Protocol

/// Names a request that waits for its answer.
typealias PlanTicket = UInt64
/// Names a search.
typealias SearchID = UInt64

/// What happens to the clusterer.
enum ClustererEvent: Sendable {
    /// The profiler published a fleet; `session` is the profiler's.
    case fleet(Fleet, session: String)
    /// The scheduler published what traffic it sees.
    case workload(WorkloadStatistics)
    /// Somebody wants a plan.
    case requested(PlanTicket, PlanRequest)
    /// Somebody wants to see a plan that would be made.
    case previewWanted(PlanTicket, PlanPreview)
    /// The search for it ended.
    case previewed(PlanTicket, Result<PlanPreviewed, Fault>)
    /// A search ended.
    case searched(SearchID, Result<SearchOutcome, Fault>)
    /// Time passes.
    case tick
}

/// What the clusterer does about it.
enum ClustererInstruction: Sendable {
    /// Search a plan and report `searched`.
    case search(SearchID, SearchOrder)
    /// Search a plan that nobody takes and report `previewed`.
    case preview(PlanTicket, SearchOrder)
    /// Answer with a plan that would be made.
    case show(PlanTicket, PlanPreviewed)
    /// Answer a request.
    case propose(PlanTicket, PlanProposal)
    /// Answer a request with an error.
    case refuse(PlanTicket, Fault)
    /// Tell everybody.
    case publish(PlanProposal)
}

/// Everything that a plan depends on.
struct SearchOrder: Sendable, Hashable {
    /// Model, usable devices and links; no queries.
    var problem: PartitionProblem
    /// The version of the fleet that it was made from.
    var fleetVersion: UInt64
    /// The traffic to plan for.
    var workload: WorkloadStatistics
    /// Seed of the search.
    var seed: UInt64
    /// How plans are searched.
    var settings: SearchSettings
    /// The plan in force, if the asker has one.
    var inForce: PlacementPlan?
    /// The longest sequence that the plan must be able to hold.
    var contextTokens: Int?
    /// Types of the devices.
    var types: [DeviceID: String] = [:]
    /// Whether the best plan is the answer, even where a move to it does not pay.
    var isPreview = false
}

/// A plan and how long it took.
struct SearchOutcome: Sendable, Hashable {
    var plan: PlacementPlan
    /// What was found about the move to it, where a plan is in force.
    var move: PlanMove?
    var seconds: Double
}
