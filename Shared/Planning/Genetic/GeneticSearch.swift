public import CostModel
public import Domain

/// The paper's genetic algorithm over device groups, as a step machine that somebody else drives: it hands out the
/// partition queries of a whole generation, takes the answers, and goes on until it is finished.
///
/// ```
/// var search = try GeneticSearch(cost: cost, workload: workload, seed: 1, fleetVersion: 7)
/// while !search.isFinished { search.receive(partitioner.answers(search.nextQueries())) }
/// let plan = try search.plan()
/// ```
///
/// Deterministic: the same inputs, seed and answers give the same plan, in whatever order answers arrive.
public struct GeneticSearch: Sendable {
    /// Generations that are scored.
    public private(set) var generation = 0
    /// Whether the search has ended; `plan` is final then.
    public private(set) var isFinished = false

    private let assembly: PlanAssembly
    private var catalog: GroupCatalog
    private var scores: GroupingScore
    private var random: SeededRandom
    private var population: [Genome]
    private(set) var leader: GroupingScore.Outcome?
    private var stale = 0
    private var largestGroup = 1

    private var options: PlanningOptions { assembly.options }
    private var deviceCount: Int { catalog.cost.devices.count }

    /// Prepares a search.
    ///
    /// - Throws: `noUsableDevice`, `modelDoesNotFit` (with the memory that is missing) or `invalidInput`.
    public init(
        cost: FleetCost, workload: WorkloadStatistics, options: PlanningOptions = PlanningOptions(), seed: UInt64,
        fleetVersion: UInt64
    ) throws(PlanningError) {
        let traffic = try Traffic(workload)
        let reserve = try KVReserve(cost: cost, traffic: traffic, options: options)
        assembly = PlanAssembly(
            cost: cost, workload: workload, traffic: traffic, options: options, seed: seed,
            fleetVersion: fleetVersion, reserve: reserve)
        catalog = GroupCatalog(cost: cost, traffic: traffic, options: options, reservedTokens: reserve.tokens)
        scores = GroupingScore(system: SystemEstimate(cost: cost, traffic: traffic, options: options))
        random = SeededRandom(seed: seed)
        population = []
        let limit = SeedGroupings(catalog: catalog).largestRandomGroup
        largestGroup = max(1, min(limit, deviceCount, cost.model.layers, LayerPartitioner.largestGroup))
        population = firstGeneration()
    }

    /// Partition queries that the current generation still needs. Scores generations as long as everything is known
    /// already; empty only when the search is finished.
    public mutating func nextQueries() -> [PartitionQuery] {
        while !isFinished {
            for genome in population {
                for group in genome.groups { catalog.require(catalog.key(group)) }
            }
            let open = catalog.openQueries
            if !open.isEmpty { return open }
            step()
        }
        return []
    }

    /// Takes answers, all or some of those that were asked for, in any order.
    public mutating func receive(_ answers: [PartitionAnswer]) {
        guard !isFinished else { return }
        catalog.receive(answers)
    }

    /// The best plan so far; `nil` while none was found.
    public var best: PlacementPlan? { leader.map(assembly.plan) }

    /// The result.
    ///
    /// - Throws: `unfinished`, or `noPlan` where no grouping can serve both phases.
    public func plan() throws(PlanningError) -> PlacementPlan {
        if let best { return best }
        guard isFinished else { throw PlanningError(.unfinished, "the search has not found a plan yet") }
        throw assembly.noPlan()
    }

    /// Runs the search to its end against a partitioner in the same process.
    public mutating func run(_ partitioner: LayerPartitioner) {
        while !isFinished { receive(partitioner.answers(nextQueries())) }
    }

    /// Scores the population and makes the next one.
    private mutating func step() {
        var scored: [(genome: Genome, outcome: GroupingScore.Outcome?)] = []
        for genome in population {
            scored.append((genome, scores.outcome(genome.groups.map(catalog.key), catalog)))
        }
        let ranked = scored.enumerated().sorted { left, right in
            switch (left.element.outcome?.score, right.element.outcome?.score) {
            case (let first?, let second?): first == second ? left.offset < right.offset : first < second
            case (.some, nil): true
            case (nil, .some): false
            case (nil, nil): left.offset < right.offset
            }
        }.map(\.element)
        generation += 1
        stale += 1
        if let first = ranked.first?.outcome, leader.map({ first.score < $0.score }) ?? true {
            leader = first
            stale = 0
        }
        if generation >= max(1, options.generations) || stale > options.patience || deviceCount == 1 {
            isFinished = true
        } else {
            population = nextGeneration(ranked.map(\.genome))
        }
    }

    /// Elites are kept and crossed with the current generation; a share of the children is mutated.
    private mutating func nextGeneration(_ ranked: [Genome]) -> [Genome] {
        let size = ranked.count
        let eliteCount = max(1, min(size, Int((Double(size) * options.eliteShare).rounded())))
        var next: [Genome] = []
        var seen: Set<Genome> = []
        for genome in ranked where next.count < eliteCount && seen.insert(genome).inserted { next.append(genome) }
        let elites = next
        while next.count < size {
            var child = elites[random.below(elites.count)].crossed(with: ranked[random.below(size)], &random)
            if random.unit() < options.mutationShare { child = child.mutated(largestGroup: largestGroup, &random) }
            next.append(child)
        }
        return next
    }

    /// Constructed groupings first (each device alone, all together, smallest groups that hold the model in orders of
    /// speed and memory), the rest at random.
    private mutating func firstGeneration() -> [Genome] {
        let size = max(4, options.population)
        var genomes = SeedGroupings(catalog: catalog).genomes
        while genomes.count < size {
            genomes.append(Genome.random(count: deviceCount, largestGroup: largestGroup, &random))
        }
        return Array(genomes.prefix(size))
    }
}
