import CostModel
import Domain
import Planning
import Protocol

/// Runs one genetic search against a partitioner, one message a generation.
struct PlanSearch: Sendable {
    let order: SearchOrder
    /// Seconds after which the best plan so far is taken.
    let limitSeconds: Double

    /// The plan; the same order and answers give the same plan, unless the time ran out.
    ///
    /// - Throws: `no_devices`, `model_does_not_fit` (the message says how much memory is missing), `no_plan`, or what the
    ///   partitioner reports.
    @concurrent
    func run(_ partitioner: any PartitionSource) async throws(Refusal) -> SearchOutcome {
        let start = ContinuousClock.now
        var search = try prepared()
        var stopped = false
        while !search.isFinished, !stopped {
            var problem = order.problem
            problem.queries = search.nextQueries()
            guard !problem.queries.isEmpty else { break }
            let asked = Set(problem.queries.map(\.id))
            let answers = try await partitioner.answers(problem)
            // A partitioner that leaves queries out would be asked for them for ever.
            guard asked.isSubset(of: answers.map(\.id)) else {
                throw Refusal(
                    body: ErrorBody(
                        code: "bad_answer",
                        message: "the partitioner left \(asked.subtracting(answers.map(\.id)).count) queries out"))
            }
            search.receive(answers)
            stopped = ContinuousClock.now - start >= .seconds(limitSeconds) && search.best != nil
        }
        do {
            var plan = try search.plan()
            if stopped, !search.isFinished {
                plan.relaxations.append("the search was stopped after \(search.generation) generations: time was up")
            }
            return SearchOutcome(plan: plan, seconds: (ContinuousClock.now - start) / .seconds(1))
        } catch {
            throw refusal(error)
        }
    }

    private func prepared() throws(Refusal) -> GeneticSearch {
        do {
            return try GeneticSearch(
                cost: try order.problem.cost(), workload: order.workload, options: order.options, seed: order.seed,
                fleetVersion: order.fleetVersion)
        } catch {
            throw refusal(error)
        }
    }

    private func refusal(_ error: PlanningError) -> Refusal {
        let code = error.code == .noUsableDevice ? "no_devices" : error.code.rawValue
        // A device that joins may change anything but damaged input.
        return Refusal(
            body: ErrorBody(code: code, message: error.message, retriable: error.code != .invalidInput))
    }
}
