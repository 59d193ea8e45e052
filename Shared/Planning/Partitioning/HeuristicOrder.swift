/// A good order for groups that are too large for the exact search.
///
/// The last device is one of those where the LM head hurts least, the first one of those with the most memory; in between,
/// paths are built by nearest neighbour and improved by 2-opt on (slowest hop, sum of hops). The layer ranges for the
/// order are exact.
struct HeuristicOrder {
    private let group: StageGroup
    private let endsTried = 4

    init(_ group: StageGroup) { self.group = group }

    func solve() -> PipelineSolution? {
        let members = Array(group.devices.indices)
        // Where memory is short, only devices with much of it may be able to hold embedding or head.
        let firsts = candidates(members) { -Double(group.capacity($0, first: true, last: false)) }
        let lasts = candidates(members) { group.devices[$0].headSeconds }
        let roomy = candidates(members) { -Double(group.capacity($0, first: false, last: true)) }
        var best: PipelineSolution?
        for first in firsts {
            for last in lasts + roomy where last != first {
                guard let solution = solve(first: first, last: last) else { continue }
                if best.map(solution.isBetter) ?? true { best = solution }
            }
        }
        return best
    }

    private func solve(first: Int, last: Int) -> PipelineSolution? {
        let balance = LayerBalance(group, first: first, last: last)
        guard let slowest = balance.leastSlowest() else { return nil }
        let order = improved(nearestNeighbour(first: first, last: last))
        let slowestHop = zip(order, order.dropFirst()).map { group.hops[$0][$1] }.max() ?? 0
        guard let counts = balance.counts(within: max(slowest, slowestHop)) else { return nil }
        return group.solution(order: order, counts: order.map { counts[$0] })
    }

    private func candidates(_ members: [Int], by key: (Int) -> Double) -> [Int] {
        Array(members.sorted { (key($0), $0) < (key($1), $1) }.prefix(endsTried))
    }

    private func nearestNeighbour(first: Int, last: Int) -> [Int] {
        var remaining = group.devices.indices.filter { $0 != first && $0 != last }
        var order = [first]
        var current = first
        while let next = remaining.min(by: { (group.hops[current][$0], $0) < (group.hops[current][$1], $1) }) {
            order.append(next)
            remaining.removeAll { $0 == next }
            current = next
        }
        return order + [last]
    }

    /// Reverses inner pieces of the order while that helps, at most a fixed number of rounds.
    private func improved(_ order: [Int]) -> [Int] {
        var best = order
        var value = quality(best)
        for _ in 0..<8 {
            var changed = false
            for start in 1..<max(1, best.count - 2) {
                for end in (start + 1)..<max(start + 1, best.count - 1) {
                    var trial = best
                    trial[start...end].reverse()
                    let quality = quality(trial)
                    if quality < value {
                        (best, value, changed) = (trial, quality, true)
                    }
                }
            }
            if !changed { break }
        }
        return best
    }

    private func quality(_ order: [Int]) -> (Double, Double) {
        var slowest = 0.0
        var sum = 0.0
        for (from, to) in zip(order, order.dropFirst()) {
            slowest = max(slowest, group.hops[from][to])
            sum += group.hops[from][to]
        }
        return (slowest, sum)
    }
}
