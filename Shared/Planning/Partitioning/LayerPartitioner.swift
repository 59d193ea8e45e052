public import CostModel
internal import Domain

/// Finds contiguous layer ranges for device groups: the slowest stage or hop as fast as possible, and among those
/// partitions the one with the least latency.
///
/// * `ordered`: the paper's dynamic program over the given order; exact.
/// * not `ordered`: exact over all orders for groups of up to `exactOrderLimit` devices (see `OrderSearch`), a heuristic
///   over orders above that, with exact ranges for the order it finds.
public struct LayerPartitioner: Sendable {
    /// Largest group for which the best order is found exactly.
    public static let exactOrderLimit = 8
    /// Largest group that is accepted.
    public static let largestGroup = 256

    /// What the answers are computed from.
    public let cost: FleetCost

    /// Makes a partitioner for a fleet.
    public init(cost: FleetCost) { self.cost = cost }

    /// Answers queries in their order.
    public func answers(_ queries: [PartitionQuery]) -> [PartitionAnswer] { queries.map(answer) }

    /// Answers a query; a query that makes no sense gets an infeasible answer that says why.
    public func answer(_ query: PartitionQuery) -> PartitionAnswer {
        if let problem = problem(query) { return .infeasible(query.id, problem) }
        let group = StageGroup(query, cost: cost)
        for (index, stage) in group.devices.enumerated() where !stage.secondsPerLayer.isFinite {
            return .infeasible(
                query.id, "device \(query.devices[index]) was not measured for the \(query.phase.rawValue) phase")
        }
        let solution = query.ordered ? PipelineProgram(group).solve() : OrderSearch(group).solve()
        guard let solution else {
            let missing = group.memory.missingBytes(ordered: query.ordered)
            let names = query.devices.map(\.rawValue).joined(separator: ", ")
            return .infeasible(query.id, "the group \(names) lacks \(Memory.text(missing))", missingBytes: missing)
        }
        return answer(query, solution)
    }

    private func answer(_ query: PartitionQuery, _ solution: PipelineSolution) -> PartitionAnswer {
        var stages: [PlanStage] = []
        var start = 0
        for (position, device) in solution.order.enumerated() {
            let range = LayerRange(start, start + solution.layers[position])
            var stage = PlanStage(device: query.devices[device], layers: range)
            switch query.phase {
            case .prefill: stage.predictedPrefillSeconds = solution.stageSeconds[position]
            case .decode: stage.predictedDecodeSeconds = solution.stageSeconds[position]
            }
            stages.append(stage)
            start = range.end
        }
        return PartitionAnswer(
            id: query.id, stages: stages, cycleSeconds: solution.cycle, latencySeconds: solution.latency,
            feasible: true)
    }

    private func problem(_ query: PartitionQuery) -> String? {
        if query.devices.isEmpty { return "the group is empty" }
        if query.devices.count > Self.largestGroup { return "the group has more than \(Self.largestGroup) devices" }
        if Set(query.devices).count != query.devices.count { return "a device is in the group twice" }
        if let unknown = query.devices.first(where: { cost.device($0) == nil }) {
            return "device \(unknown) is unknown or not measured"
        }
        if query.devices.count > cost.model.layers {
            return "the group has \(query.devices.count) devices for \(cost.model.layers) layers"
        }
        let figures: [(String, Int, ClosedRange<Int>)] = [
            ("prompt_tokens", query.promptTokens, 1...FleetCost.largestTokens),
            ("batch", query.batch, 1...4096),
            ("context_tokens", query.contextTokens, 0...FleetCost.largestTokens),
            ("kv_tokens", query.kvTokens, 0...FleetCost.largestTokens),
        ]
        for (name, value, range) in figures where !range.contains(value) {
            return "\(name) is \(value), not in \(range.lowerBound)...\(range.upperBound)"
        }
        return nil
    }
}
