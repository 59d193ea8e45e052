import Domain
import Planning
import Protocol
import Synchronization
import Testing

@testable import Clusterer

/// A partitioner in this process that counts its batches.
private final class LocalPartitions: PartitionSource {
    let batches = Mutex(0)
    private let spoil: @Sendable ([PartitionAnswer]) -> [PartitionAnswer]

    init(spoil: @escaping @Sendable ([PartitionAnswer]) -> [PartitionAnswer] = { $0 }) { self.spoil = spoil }

    func answers(_ problem: PartitionProblem) async throws(Clusterer.Refusal) -> [PartitionAnswer] {
        batches.withLock { $0 += 1 }
        do {
            return spoil(Planning.Partitioner(cost: try problem.cost()).answers(problem.queries))
        } catch {
            throw Clusterer.Refusal(body: ErrorBody(code: error.code.rawValue, message: error.message))
        }
    }
}

@Suite("Clusterer: search")
struct PlanSearchTests {
    private func order(_ fleet: Fleet = PlannerFleets.fleet(), seed: UInt64 = 1) throws -> SearchOrder {
        SearchOrder(
            problem: try fleet.problem(excluding: []), fleetVersion: fleet.version, workload: WorkloadStatistics(),
            seed: seed, options: PlanningOptions())
    }

    @Test("finds the plan that the planner finds in one process, in one message a generation")
    func equalsPlanner() async throws {
        let order = try order()
        let source = LocalPartitions()
        let outcome = try await PlanSearch(order: order, limitSeconds: 60).run(source)
        let expected = try Planner.plan(
            cost: try order.problem.cost(), workload: order.workload, options: order.options, seed: order.seed,
            fleetVersion: order.fleetVersion)
        #expect(outcome.plan == expected)
        #expect(outcome.plan.problem(layers: 12) == nil)
        #expect(outcome.plan.replicas.contains { $0.role == .prefill })
        #expect(source.batches.withLock { $0 } <= order.options.generations)
    }

    @Test("a fleet that cannot hold the model is told how much memory is missing")
    func tooSmall() async throws {
        let order = try order(PlannerFleets.fleet(memory: 3_000_000))
        await #expect {
            _ = try await PlanSearch(order: order, limitSeconds: 60).run(LocalPartitions())
        } throws: { error in
            let body = (error as? Clusterer.Refusal)?.body
            return body?.code == "model_does_not_fit" && body?.message.contains("lacks") == true
                && body?.message.contains("MB") == true
        }
    }

    @Test("a fleet that cannot prefill gets no plan")
    func noPrefill() async throws {
        let fleet = PlannerFleets.fleet([PlannerFleets.device("a", alive: [.decode])])
        let order = try order(fleet)
        await #expect {
            _ = try await PlanSearch(order: order, limitSeconds: 60).run(LocalPartitions())
        } throws: { ($0 as? Clusterer.Refusal)?.body.code == "no_devices" }
    }

    @Test("when time is up the best plan so far is taken, and says so")
    func timeUp() async throws {
        let outcome = try await PlanSearch(order: try order(), limitSeconds: 0).run(LocalPartitions())
        #expect(outcome.plan.problem(layers: 12) == nil)
        let full = try await PlanSearch(order: try order(), limitSeconds: 60).run(LocalPartitions())
        #expect(full.plan.relaxations.allSatisfy { !$0.contains("time was up") })
    }

    @Test("a partitioner that leaves queries out ends the search")
    func leftOut() async throws {
        let order = try order()
        await #expect {
            _ = try await PlanSearch(order: order, limitSeconds: 60).run(LocalPartitions { Array($0.dropLast()) })
        } throws: { ($0 as? Clusterer.Refusal)?.body.code == "bad_answer" }
    }
}
