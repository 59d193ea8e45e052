/// The best order of a group together with the best layer ranges.
///
/// Which device comes first, which last and how many layers each holds decide the stage times; the order in between decides
/// only the hops. So for every (first, last): the least slowest stage is `LayerBalance`, the least slowest hop is a
/// bottleneck path over all devices (`DevicePaths`), and they do not influence each other. Exact up to
/// `LayerPartitioner.exactOrderLimit` devices; above that the paths are heuristic (nearest neighbour, then 2-opt) and only a
/// few first and last devices are tried.
struct OrderSearch {
    let group: StageGroup

    init(_ group: StageGroup) { self.group = group }

    func solve() -> PipelineSolution? {
        let count = group.devices.count
        guard count > 1 else { return PipelineProgram(group).solve() }
        if count > LayerPartitioner.exactOrderLimit { return HeuristicOrder(group).solve() }
        return exact()
    }

    private func exact() -> PipelineSolution? {
        let paths = DevicePaths(group.hops)
        var candidates: [(cycle: Double, first: Int, last: Int)] = []
        for first in group.devices.indices {
            let slowestHops = paths.leastSlowestHop(from: first)
            for last in group.devices.indices where last != first {
                guard let slowestStage = LayerBalance(group, first: first, last: last).leastSlowest() else { continue }
                candidates.append((max(slowestStage, slowestHops[last]), first, last))
            }
        }
        guard let cycle = candidates.map(\.cycle).min() else { return nil }
        var best: PipelineSolution?
        for first in group.devices.indices {
            let ends = candidates.filter { $0.first == first && $0.cycle == cycle }.map(\.last)
            guard !ends.isEmpty else { continue }
            let search = paths.shortest(from: first, limit: cycle)
            for last in ends {
                guard let order = search.path(to: last),
                    let counts = LayerBalance(group, first: first, last: last).counts(within: cycle)
                else { continue }
                let solution = group.solution(order: order, counts: order.map { counts[$0] })
                if best.map(solution.isBetter) ?? true { best = solution }
            }
        }
        return best
    }
}
