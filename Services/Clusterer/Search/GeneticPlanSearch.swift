import CostModel
import Domain
import Planning
import Protocol
import ServiceRuntime
import Simulation

/// Runs one genetic search against a partitioner, one message a generation.
struct GeneticPlanSearch: Sendable {
    let order: SearchOrder

    /// The plan.
    ///
    /// - Throws: as `PlanSearch.run`.
    func run(_ partitioner: any PartitionSource) async throws(Fault) -> SearchOutcome {
        let start = ContinuousClock.now
        let limit = Duration.seconds(order.settings.searchSeconds)
        var search = try prepared()
        var stopped = false
        while !search.isFinished, !stopped {
            var problem = order.problem
            (search, problem.queries) = await OwnThread.run(name: "plan-search") { [search] in
                var next = search
                let queries = next.nextQueries()
                return (next, queries)
            }
            guard !problem.queries.isEmpty else { break }
            let asked = Set(problem.queries.map(\.id))
            let answers = try await partitioner.answers(problem)
            // A partitioner that leaves queries out would be asked for them for ever.
            guard asked.isSubset(of: answers.map(\.id)) else {
                throw Fault(
                    "bad_answer",
                    "the partitioner left \(asked.subtracting(answers.map(\.id)).count) queries out")
            }
            search.receive(answers)
            stopped = (ContinuousClock.now - start >= limit && search.best != nil) || Task.isCancelled
        }
        var outcome = try weighed(search)
        if stopped, !search.isFinished {
            outcome.plan.relaxations.append(
                "the search was stopped after \(search.generation) generations: time was up")
        }
        outcome.seconds = (ContinuousClock.now - start) / .seconds(1)
        return outcome
    }

    private func prepared() throws(Fault) -> GeneticSearch {
        do {
            return try GeneticSearch(
                cost: try order.problem.cost(), workload: order.workload, options: try order.task().geneticOptions,
                seed: order.seed, fleetVersion: order.fleetVersion)
        } catch {
            throw Fault(error)
        }
    }

    /// The plan that was found, or the one in force where a move is not worth its cost.
    private func weighed(_ search: GeneticSearch) throws(Fault) -> SearchOutcome {
        do {
            let plan = try search.plan()
            guard let inForce = order.inForce else { return SearchOutcome(plan: plan, seconds: 0) }
            let task = try order.task()
            let move = try task.weighed(plan)
            if move?.replaces == true || order.isPreview { return SearchOutcome(plan: plan, move: move, seconds: 0) }
            return SearchOutcome(
                plan: order.keeping(inForce, rate: try? task.sustainedRate(inForce)), move: move, seconds: 0)
        } catch {
            throw Fault(error)
        }
    }
}
