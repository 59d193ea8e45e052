import Domain
import Planning
import Protocol
import Simulation
import Synchronization
import Testing

@testable import Clusterer

/// A partitioner in this process that counts its batches.
private final class LocalPartitions: PartitionSource {
    let batches = Mutex(0)
    private let spoil: @Sendable ([PartitionAnswer]) -> [PartitionAnswer]

    init(spoil: @escaping @Sendable ([PartitionAnswer]) -> [PartitionAnswer] = { $0 }) { self.spoil = spoil }

    func answers(_ problem: PartitionProblem) async throws(Fault) -> [PartitionAnswer] {
        batches.withLock { $0 += 1 }
        do {
            return spoil(LayerPartitioner(cost: try problem.cost()).answers(problem.queries))
        } catch {
            throw Fault(error.code.rawValue, error.message)
        }
    }
}

@Suite("Clusterer: search")
struct PlanSearchTests {
    /// Algorithms that search, and always find a plan for the sample fleet; baselines have rules instead.
    private static let searches: [PlanningAlgorithm] = [.standard, .paper, .genetic, .splitwiseAdapted]

    private func order(
        _ fleet: Fleet = PlannerFleets.fleet(), seed: UInt64 = 1, algorithm: PlanningAlgorithm = .genetic,
        seconds: Double = 60, inForce: PlacementPlan? = nil
    ) throws -> SearchOrder {
        var settings = SearchSettings()
        (settings.algorithm, settings.searchSeconds) = (algorithm, seconds)
        return SearchOrder(
            problem: try fleet.problem(excluding: []), fleetVersion: fleet.version, workload: WorkloadStatistics(),
            seed: seed, settings: settings, inForce: inForce)
    }

    @Test("finds the plan that the planner finds in one process, in one message a generation")
    func equalsPlanner() async throws {
        let order = try order()
        let source = LocalPartitions()
        let outcome = try await PlanSearch(order: order).run(source)
        let expected = try PaperPlanner.plan(
            cost: try order.problem.cost(), workload: order.workload, options: try order.task().geneticOptions,
            seed: order.seed,
            fleetVersion: order.fleetVersion)
        #expect(outcome.plan == expected)
        #expect(outcome.plan.problem(layers: 12) == nil)
        #expect(outcome.plan.replicas.contains { $0.role == .prefill })
        #expect(source.batches.withLock { $0 } <= order.settings.genetic.generations)
    }

    @Test("a fleet that cannot hold the model is told how much memory is missing")
    func tooSmall() async throws {
        let order = try order(PlannerFleets.fleet(memory: 3_000_000))
        await #expect {
            _ = try await PlanSearch(order: order).run(LocalPartitions())
        } throws: { error in
            let body = error as? Fault
            return body?.code == "model_does_not_fit" && body?.message.contains("lacks") == true
                && body?.message.contains("MB") == true
        }
    }

    @Test("a fleet that cannot prefill gets no plan")
    func noPrefill() async throws {
        let fleet = PlannerFleets.fleet([PlannerFleets.device("a", alive: [.decode])])
        let order = try order(fleet)
        await #expect {
            _ = try await PlanSearch(order: order).run(LocalPartitions())
        } throws: { ($0 as? Fault)?.code == "no_devices" }
    }

    @Test("when time is up the best plan so far is taken, and says so")
    func timeUp() async throws {
        // Three devices have so few groupings that the search ends by itself.
        let outcome = try await PlanSearch(order: try order(large, seconds: 0)).run(LocalPartitions())
        #expect(outcome.plan.problem(layers: 12) == nil)
        #expect(saysThatTimeWasUp(outcome.plan))
        let full = try await PlanSearch(order: try order()).run(LocalPartitions())
        #expect(!saysThatTimeWasUp(full.plan))
    }

    private func saysThatTimeWasUp(_ plan: PlacementPlan) -> Bool {
        plan.relaxations.contains { $0.contains("time was up") }
    }

    /// Twelve devices: too many to solve exactly, so that the search takes all the time there is.
    private var large: Fleet {
        PlannerFleets.fleet((0..<12).map { PlannerFleets.device(DeviceID("d\($0)"), speed: 0.1 + 0.07 * Double($0)) })
    }

    @Test("the search of the default algorithm and its trials end when time is up", .timeLimit(.minutes(2)))
    func standardTimeUp() async throws {
        let begin = ContinuousClock.now
        let outcome = try await PlanSearch(order: try order(large, algorithm: .standard, seconds: 0.5)).run(
            LocalPartitions())
        #expect(begin.duration(to: .now) < .seconds(10))
        #expect(outcome.plan.problem(layers: 12) == nil)
        #expect(saysThatTimeWasUp(outcome.plan), "it would have gone on")
    }

    @Test("a cancelled search ends soon", .timeLimit(.minutes(2)), arguments: Self.searches)
    func cancelled(algorithm: PlanningAlgorithm) async throws {
        let order = try order(large, algorithm: algorithm, seconds: 600)
        let search = Task { try await PlanSearch(order: order).run(LocalPartitions()) }
        search.cancel()
        let begin = ContinuousClock.now
        let result = await search.result
        #expect(begin.duration(to: .now) < .seconds(10))
        // It has no plan, or one of which it says that the search was cut short: it would not have ended by itself.
        if case .success(let outcome) = result { #expect(saysThatTimeWasUp(outcome.plan)) }
    }

    @Test("a fleet that can hold the model but not serve it is answered in time", .timeLimit(.minutes(2)))
    func hopeless() async throws {
        let slow = (0..<3).map { PlannerFleets.device(DeviceID("d\($0)"), speed: 1e-9) }
        let begin = ContinuousClock.now
        let order = try order(PlannerFleets.fleet(slow), algorithm: .standard)
        do {
            let outcome = try await PlanSearch(order: order).run(LocalPartitions())
            #expect(outcome.plan.problem(layers: 12) == nil)
        } catch {
            #expect(!error.code.isEmpty && !error.message.isEmpty)
        }
        #expect(begin.duration(to: .now) < .seconds(40))
    }

    @Test("the default algorithm gives the placement planner's plan, and asks no partitioner")
    func equalsPlacementPlanner() async throws {
        var order = try order(seed: 5, algorithm: .standard)
        let source = LocalPartitions()
        let tried = try await PlanSearch(order: order).run(source).plan
        #expect(tried.problem(layers: 12) == nil && tried.algorithm.contains("tried"))
        order.settings.triesPlans = false
        let outcome = try await PlanSearch(order: order).run(source)
        let limits = order.settings.limits(order.problem.model)
        let expected = try PlacementPlanner(seed: 5).plan(
            cost: try order.problem.cost(), demand: PlanningDemand(order.workload), limits: limits)
        #expect(outcome.plan == expected.placementPlan(algorithm: "default (seed 5)", fleetVersion: 10))
        #expect(outcome.plan.problem(layers: 12) == nil && source.batches.withLock { $0 } == 0)
    }

    @Test("every algorithm weighs its plan against the one in force", arguments: Self.searches)
    func weighs(algorithm: PlanningAlgorithm) async throws {
        let first = try await PlanSearch(order: order(algorithm: algorithm)).run(LocalPartitions()).plan
        let again = try await PlanSearch(order: order(algorithm: algorithm, inForce: first)).run(LocalPartitions())
        #expect(again.move?.replaces == false && again.plan.replicas == first.replicas)
        let lost = try #require(first.replicas.first?.stages.first?.device)
        let rest = PlannerFleets.fleet().devices.filter { $0.id != lost }
        let left = try await PlanSearch(order: order(PlannerFleets.fleet(rest), algorithm: algorithm, inForce: first))
            .run(LocalPartitions())
        #expect(left.move?.replaces == true && left.move?.reason.contains("device \(lost)") == true)
        #expect(left.plan.problem(layers: 12) == nil && left.plan.id != first.id)
    }

    @Test("room for long requests is given up, with a note, before a model is refused")
    func lessContext() async throws {
        // The first device has room for one layer and some hundred tokens beside the embedding.
        let outcome = try await PlanSearch(order: order(PlannerFleets.fleet(memory: 18_500_000), algorithm: .standard))
            .run(LocalPartitions())
        #expect(outcome.plan.problem(layers: 12) == nil)
        #expect(outcome.plan.relaxations.first?.contains("reduced to") == true, "\(outcome.plan.relaxations)")
    }

    @Test("roles that an algorithm does not know are refused by name")
    func unknownRoles() {
        var settings = SearchSettings()
        settings.roles = .mixed
        #expect(settings.problem == nil)
        settings.algorithm = .paper
        #expect(settings.problem?.contains("clusterer.roles") == true)
        settings.roles = .any
        #expect(settings.problem == nil)
    }

    @Test("a partitioner that leaves queries out ends the search")
    func leftOut() async throws {
        let order = try order()
        await #expect {
            _ = try await PlanSearch(order: order).run(LocalPartitions { Array($0.dropLast()) })
        } throws: { ($0 as? Fault)?.code == "bad_answer" }
    }
}
