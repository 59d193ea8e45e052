import Domain
import Planning
import Protocol
import ServiceRuntime
import Simulation

/// Searches a plan that nobody puts in force.
struct PreviewSearch: Sendable {
    let order: SearchOrder

    /// The plan, and what the plan in force would do in its place.
    ///
    /// - Throws: as `PlanSearch.run`.
    func run(_ partitioner: any PartitionSource) async throws(Fault) -> PlanPreviewed {
        let outcome = try await PlanSearch(order: order).run(partitioner)
        let rate = await OwnThread.run(name: "plan-search") { [order] in order.rateInForce }
        return PlanPreviewed(
            plan: outcome.plan, searchSeconds: outcome.seconds, move: outcome.move, inForceRequestsPerSecond: rate)
    }
}

extension SearchOrder {
    /// What the plan in force would sustain; `nil` where it could not be in force.
    fileprivate var rateInForce: Double? {
        guard let inForce, let rate = try? task().sustainedRate(inForce), rate.isFinite, rate >= 0 else { return nil }
        return rate
    }
}
