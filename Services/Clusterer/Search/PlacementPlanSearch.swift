import Domain
import Planning
import ServiceRuntime
import Simulation
import Synchronization

/// Runs the default planner on a thread of its own; it ends early when its task is cancelled.
struct PlacementPlanSearch: Sendable {
    let order: SearchOrder

    /// The plan.
    ///
    /// - Throws: as `PlanSearch.run`.
    func run() async throws(Fault) -> SearchOutcome {
        let order = order
        let isCancelled = Mark()
        return try await withTaskCancellationHandler {
            await OwnThread.run(name: "plan-search") { () -> Result<SearchOutcome, Fault> in
                do throws(PlanningError) {
                    return .success(try Self.search(order, isCancelled))
                } catch {
                    return .failure(Fault(error))
                }
            }
        } onCancel: {
            isCancelled.set()
        }.get()
    }

    /// Set once, from any thread.
    private final class Mark: Sendable {
        private let value = Atomic(false)

        var isSet: Bool { value.load(ordering: .relaxed) }

        func set() { value.store(true, ordering: .relaxed) }
    }

    private static func search(_ order: SearchOrder, _ isCancelled: Mark) throws(PlanningError) -> SearchOutcome {
        let start = ContinuousClock.now
        // Time is up at once for a search that nobody waits for.
        let answer = try order.task().answer {
            isCancelled.isSet ? .infinity : (ContinuousClock.now - start) / .seconds(1)
        }
        var plan = answer.plan
        if !order.isPreview, let inForce = order.inForce, let move = answer.move, !move.replaces {
            plan = order.keeping(inForce, rate: answer.plan.predictedRequestsPerSecond)
        }
        return SearchOutcome(plan: plan, move: answer.move, seconds: (ContinuousClock.now - start) / .seconds(1))
    }
}
