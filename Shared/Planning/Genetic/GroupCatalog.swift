internal import CostModel
internal import Domain

/// What is known about device groups: the queries that a group needs, their answers, and what the group can be.
///
/// Nothing is asked twice: a group (its set of devices, or its sequence where groups are ordered) has one prefill query
/// and one decode query per batch.
struct GroupCatalog: Sendable {
    let cost: FleetCost
    let traffic: Traffic
    let options: PlanningOptions
    /// Tokens of KV cache that every replica has room for.
    let reservedTokens: Int
    private var entries: [[Int]: Entry] = [:]
    private var owners: [Int: [Int]] = [:]
    private var nextQuery = 0

    private struct Entry: Sendable {
        var queries: [PartitionQuery]
        var answers: [Int: PartitionAnswer] = [:]
        var made: ReplicaOptions?
        let number: Int

        var isComplete: Bool { answers.count == queries.count }
    }

    init(cost: FleetCost, traffic: Traffic, options: PlanningOptions, reservedTokens: Int) {
        self.cost = cost
        self.traffic = traffic
        self.options = options
        self.reservedTokens = reservedTokens
    }

    /// The name of a group: its devices in order of their indices, or as given where groups are ordered.
    func key(_ group: [Int]) -> [Int] { options.orderedGroups ? group : group.sorted() }

    /// Registers a group that is not known yet.
    mutating func require(_ key: [Int]) {
        guard entries[key] == nil else { return }
        let devices = key.map { cost.devices[$0].id }
        var queries: [PartitionQuery] = []
        func add(_ phase: Phase, batch: Int, kvTokens: Int) {
            queries.append(
                PartitionQuery(
                    id: nextQuery, devices: devices, ordered: options.orderedGroups, phase: phase,
                    promptTokens: traffic.promptTokens, batch: batch, contextTokens: traffic.contextTokens,
                    kvTokens: min(FleetCost.largestTokens, kvTokens)))
            owners[nextQuery] = key
            nextQuery += 1
        }
        if key.count <= min(LayerPartitioner.largestGroup, cost.model.layers) {
            add(.prefill, batch: 1, kvTokens: reservedTokens)
            for batch in Set(options.decodeBatches.map { min(4096, max(1, $0)) }).sorted() {
                let tokens = traffic.requestTokens.multipliedReportingOverflow(by: batch)
                let wanted = tokens.overflow ? FleetCost.largestTokens : tokens.partialValue
                add(.decode, batch: batch, kvTokens: max(reservedTokens, wanted))
            }
        }
        entries[key] = Entry(queries: queries, number: entries.count)
    }

    /// Queries of known groups that are not answered yet, in the order in which they were made.
    var openQueries: [PartitionQuery] {
        entries.values.filter { !$0.isComplete }
            .flatMap { entry in entry.queries.filter { entry.answers[$0.id] == nil } }
            .sorted { $0.id < $1.id }
    }

    /// Takes answers; those that nobody asked for are ignored, those whose stages do not hold the model count as infeasible.
    mutating func receive(_ answers: [PartitionAnswer]) {
        for answer in answers {
            guard let key = owners[answer.id], var entry = entries[key], entry.answers[answer.id] == nil,
                let query = entry.queries.first(where: { $0.id == answer.id })
            else { continue }
            let sound = answer.feasible && isSound(answer.stages, query)
            entry.answers[answer.id] = sound ? answer : .infeasible(answer.id, answer.reason ?? "not sound")
            if entry.isComplete { entry.made = make(entry) }
            entries[key] = entry
        }
    }

    /// What a group can be; `nil` where it can be nothing (or was not answered).
    func options(_ key: [Int]) -> ReplicaOptions? {
        guard let made = entries[key]?.made, made.isUsable else { return nil }
        return made
    }

    private func make(_ entry: Entry) -> ReplicaOptions {
        var prefill: [PlanStage]?
        var decode: [[PlanStage]] = []
        for query in entry.queries {
            guard let answer = entry.answers[query.id], answer.feasible else { continue }
            if query.phase == .prefill { prefill = answer.stages } else { decode.append(answer.stages) }
        }
        return ReplicaOptions(
            prefillStages: prefill, decodeStages: decode, ids: entry.number * 4, cost: cost, traffic: traffic,
            options: options)
    }

    /// A partitioner may be anybody's: its answers are checked before they become part of a plan.
    private func isSound(_ stages: [PlanStage], _ query: PartitionQuery) -> Bool {
        guard stages.count == query.devices.count, Set(stages.map(\.device)) == Set(query.devices) else { return false }
        var next = 0
        for stage in stages {
            guard stage.layers.start == next, !stage.layers.isEmpty, stage.layers.end <= cost.model.layers,
                let device = cost.device(stage.device),
                cost.memoryBytes(stage.layers, kvTokens: query.kvTokens) <= device.memoryBytes
            else { return false }
            next = stage.layers.end
        }
        return next == cost.model.layers
    }
}
