import CostModel
import Domain
import Testing

@testable import Planning

@Suite struct GeneticSearchTests {
    private let workload = WorkloadStatistics(
        requestsPerSecond: 4, meanPromptTokens: 256, meanOutputTokens: 64, arrivalVariation: 1)

    private func fleet(_ seed: Int, count: Int, share: ClosedRange<Double> = 0.3...1.2) throws -> FleetCost {
        var random = SeededRandom(seed: UInt64(seed) + 1000)
        return try Build.randomFleet(count: count, model: Build.model(), memoryShare: share, &random)
    }

    /// Every grouping of the devices, by the same scores.
    private func exhaustive(_ cost: FleetCost) throws -> PlanScore? {
        let options = PlanningOptions()
        let traffic = try Traffic(workload)
        let reserve = try KVReserve(cost: cost, traffic: traffic, options: options)
        var catalog = GroupCatalog(cost: cost, traffic: traffic, options: options, reservedTokens: reserve.tokens)
        var scores = GroupingScore(system: SystemEstimate(cost: cost, traffic: traffic, options: options))
        let partitioner = LayerPartitioner(cost: cost)
        var best: PlanScore?
        func extend(_ groups: [[Int]], _ device: Int) {
            guard device < cost.devices.count else {
                for group in groups { catalog.require(group) }
                catalog.receive(partitioner.answers(catalog.openQueries))
                if let score = scores.outcome(groups, catalog)?.score, best.map({ score < $0 }) ?? true { best = score }
                return
            }
            for index in groups.indices {
                var joined = groups
                joined[index].append(device)
                extend(joined, device + 1)
            }
            extend(groups + [[device]], device + 1)
        }
        extend([], 0)
        return best
    }

    @Test func findsTheBestGroupingOfSmallFleets() throws {
        var hits = 0
        let instances = 10
        for seed in 0..<instances {
            let cost = try fleet(seed, count: 3 + seed % 4)
            guard let best = try exhaustive(cost) else {
                #expect(throws: PlanningError.self) { try PaperPlanner.plan(cost: cost, workload: workload, seed: 1) }
                continue
            }
            var search = try GeneticSearch(
                cost: cost, workload: workload, seed: UInt64(seed), fleetVersion: 0)
            search.run(LayerPartitioner(cost: cost))
            let found = try #require(search.leader).score
            #expect(found.excessSeconds >= best.excessSeconds - 1e-9 || found.tooSlow != best.tooSlow)
            let close =
                abs(found.excessSeconds - best.excessSeconds) < 1e-3 * 0.25
                && found.requestSeconds <= best.requestSeconds * 1.001
            if close { hits += 1 }
        }
        #expect(hits >= instances * 3 / 4, "\(hits) of \(instances)")
    }

    @Test(arguments: 0..<4)
    func plansAreSoundAndNeverWorseThanConstructedOnes(seed: Int) throws {
        let cost = try fleet(seed, count: 7, share: 0.25...0.9)
        var options = PlanningOptions()
        options.generations = 1
        options.population = 4
        let start = try PaperPlanner.plan(cost: cost, workload: workload, options: options, seed: 1)
        let plan = try PaperPlanner.plan(cost: cost, workload: workload, seed: 1, fleetVersion: 9)
        #expect(plan.problem(layers: cost.model.layers) == nil)
        #expect(plan.objective <= start.objective + 1e-3 / workload.requestsPerSecond)
        #expect(plan.fleetVersion == 9 && plan.workload == workload)
        #expect(!plan.replicas(for: .prefill).isEmpty && !plan.replicas(for: .decode).isEmpty)
        let placed = plan.replicas.flatMap { $0.stages.map(\.device) }
        #expect(Set(placed).count == placed.count)
        #expect((placed + plan.idleDevices).sorted() == cost.devices.map(\.id))
        #expect(plan.replicas.map(\.id) == plan.replicas.map(\.id).sorted())
        for replica in plan.replicas {
            let decodes = replica.role != .prefill
            #expect(decodes == (replica.decodeConcurrency > 0))
            #expect(replica.decodeConcurrency <= 16 && replica.predictedRequestsPerSecond > 0)
            #expect(replica.kvCapacityTokens >= 320 * max(1, replica.decodeConcurrency))
            #expect(replica.stages.allSatisfy { ($0.predictedDecodeSeconds ?? 0 > 0) == decodes })
            #expect(replica.stages.allSatisfy { $0.predictedPrefillSeconds ?? 0 > 0 })
            if decodes && plan.relaxations.isEmpty { #expect(replica.predictedTokenGapSeconds <= 1.0 / 15) }
            for stage in replica.stages {
                let memory = try #require(cost.device(stage.device)?.memoryBytes)
                #expect(cost.memoryBytes(stage.layers, kvTokens: replica.kvCapacityTokens) <= memory)
            }
        }
    }

    @Test func equalSeedsGiveEqualPlansInWhateverOrderAnswersArrive() throws {
        let cost = try fleet(3, count: 7, share: 0.25...0.9)
        let partitioner = LayerPartitioner(cost: cost)
        let first = try PaperPlanner.plan(cost: cost, workload: workload, seed: 11)
        var random = SeededRandom(seed: 77)
        var search = try GeneticSearch(cost: cost, workload: workload, seed: 11, fleetVersion: 0)
        var asked: Set<PartitionQuery> = []
        var groups: Set<String> = []
        while !search.isFinished {
            let queries = search.nextQueries()
            for query in queries {
                groups.insert("\(query.devices) \(query.phase) \(query.batch)")
                asked.insert(query)
            }
            // Some answers are late, some come twice, some were never asked for.
            let answers = partitioner.answers(queries).shuffled(using: &random)
            search.receive(Array(answers.dropFirst(answers.count / 3)))
            search.receive(answers + [.infeasible(-5, "unasked")])
        }
        #expect(try search.plan() == first)
        #expect(asked.count == groups.count, "a group was asked for twice")
        #expect(search.nextQueries().isEmpty)
    }

    @Test func hostileAnswersDoNotReachThePlan() throws {
        let cost = try fleet(4, count: 4)
        var search = try GeneticSearch(cost: cost, workload: workload, seed: 1, fleetVersion: 0)
        while !search.isFinished {
            search.receive(
                search.nextQueries().map { query in
                    let stages = query.devices.map { PlanStage(device: $0, layers: LayerRange(0, 1 << 19)) }
                    return PartitionAnswer(
                        id: query.id, stages: stages, cycleSeconds: 1, latencySeconds: 1, feasible: true)
                })
        }
        #expect(search.best == nil)
        let error = #expect(throws: PlanningError.self) { try search.plan() }
        #expect(error?.code == .noPlan)
    }

    @Test func paperModeKeepsTheOrderOfTheChromosome() throws {
        let cost = try fleet(5, count: 5)
        var options = PlanningOptions()
        options.orderedGroups = true
        let plan = try PaperPlanner.plan(cost: cost, workload: workload, options: options, seed: 2)
        #expect(plan.problem(layers: cost.model.layers) == nil)
    }

    @Test func largerFleetsArePlannedInTime() throws {
        let cost = try fleet(8, count: 8, share: 0.2...0.7)
        let clock = ContinuousClock()
        let seconds = try clock.measure { _ = try PaperPlanner.plan(cost: cost, workload: workload, seed: 1) }
        // A second with optimisation; tests are built without.
        #expect(seconds < .seconds(20))
    }
}
