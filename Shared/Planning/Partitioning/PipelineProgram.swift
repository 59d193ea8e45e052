/// The paper's dynamic program ("DP Pipe") over a fixed order of devices.
///
/// `dp[k][i]` is the least possible slowest stage or hop when the first `k` devices hold the first `i` layers:
/// `min over j < i of max(dp[k-1][j], compute_k(j..<i), hop(k-1 -> k))`, over memory-feasible ranges only. Minimising the
/// maximum leaves many partitions equal; a second pass finds, among all whose stages and hops stay within the optimum,
/// the one with the least sum (a lexicographic single pass would not: a prefix with a larger maximum, still below the
/// final one, may have the smaller sum).
struct PipelineProgram {
    let group: StageGroup
    let order: [Int]

    init(_ group: StageGroup) { self.init(group, order: Array(group.devices.indices)) }

    init(_ group: StageGroup, order: [Int]) {
        self.group = group
        self.order = order
    }

    /// The best partition, or `nil` where no memory-feasible one exists.
    func solve() -> PipelineSolution? {
        guard let cycle = pass(limit: .infinity, combine: { max($0, max($1, $2)) })?.value,
            let (_, counts) = pass(limit: cycle, combine: { $0 + $1 + $2 })
        else { return nil }
        return group.solution(order: order, counts: counts)
    }

    /// One pass of the program: `combine(prefix, stage, hop)` is minimised over partitions none of whose stages or hops
    /// exceeds `limit`.
    private func pass(
        limit: Double, combine: (Double, Double, Double) -> Double
    ) -> (value: Double, counts: [Int])? {
        let layers = group.layers
        var previous = [Double](repeating: .infinity, count: layers + 1)
        previous[0] = 0
        var choices: [[Int]] = []
        for (position, device) in order.enumerated() {
            let last = position == order.count - 1
            let hop = position == 0 ? 0 : group.hops[order[position - 1]][device]
            guard hop <= limit else { return nil }
            let capacity = group.capacity(device, first: position == 0, last: last)
            var current = [Double](repeating: .infinity, count: layers + 1)
            var choice = [Int](repeating: 0, count: layers + 1)
            for end in stride(from: position + 1, through: layers - (order.count - 1 - position), by: 1) {
                for count in stride(from: 1, through: min(capacity, end - position), by: 1) {
                    let stage = group.seconds(device, count: count, last: last)
                    if stage > limit { break }
                    let prefix = previous[end - count]
                    guard prefix.isFinite else { continue }
                    let value = combine(prefix, stage, hop)
                    if value < current[end] {
                        current[end] = value
                        choice[end] = count
                    }
                }
            }
            previous = current
            choices.append(choice)
        }
        guard previous[layers].isFinite else { return nil }
        var counts: [Int] = []
        var end = layers
        for choice in choices.reversed() {
            counts.append(choice[end])
            end -= choice[end]
        }
        return (previous[layers], counts.reversed())
    }
}
