/// Orders of a group that are worth trying.
///
/// Which device comes first and which last decides where embedding and LM head lie; what is in between decides the hops
/// only. For every pair of ends the middle is the path with the least (slowest hop, sum of hops): all of them are tried for
/// up to three inner devices, nearest neighbour with 2-opt finds it above that.
struct StageOrders {
    let instance: PlanningInstance
    /// Ends that are tried on each side for groups that are too large to try all.
    var endsTried = 3
    /// Largest group whose ends are all tried.
    var largestComplete = 4

    /// Orders of a group, none twice.
    func orders(_ members: [Int]) -> [[Int]] {
        if members.count == 1 { return [members] }
        if members.count == 2 { return [members, members.reversed()] }
        var firsts = members
        var lasts = members
        if members.count > largestComplete {
            // Embedding and head cost memory, the head time: the roomiest first, the fastest and the roomiest last.
            let roomy = members.sorted {
                (instance.devices[$0].memoryBytes, $1) > (instance.devices[$1].memoryBytes, $0)
            }
            let quick = members.sorted { (instance.devices[$0].head[1], $0) < (instance.devices[$1].head[1], $1) }
            firsts = Array(roomy.prefix(endsTried))
            lasts = Array(quick.prefix(endsTried))
            for device in roomy.prefix(2) where !lasts.contains(device) { lasts.append(device) }
        }
        var orders: [[Int]] = []
        for first in firsts {
            for last in lasts where last != first { orders.append(path(members, first: first, last: last)) }
        }
        return orders
    }

    private func path(_ members: [Int], first: Int, last: Int) -> [Int] {
        var inner = members.filter { $0 != first && $0 != last }
        if inner.count <= 1 { return [first] + inner + [last] }
        if inner.count <= 3 { return permuted(inner, first: first, last: last) }
        var order = [first]
        while let next = inner.min(by: { (hop(order[order.count - 1], $0), $0) < (hop(order[order.count - 1], $1), $1) }
        ) {
            order.append(next)
            inner.removeAll { $0 == next }
        }
        return improved(order + [last])
    }

    private func permuted(_ inner: [Int], first: Int, last: Int) -> [Int] {
        var best: [Int] = []
        var least = (Double.infinity, Double.infinity)
        func visit(_ chosen: [Int], _ rest: [Int]) {
            if rest.isEmpty {
                let order = chosen + [last]
                let value = quality(order)
                if value < least { (best, least) = (order, value) }
                return
            }
            for index in rest.indices {
                var smaller = rest
                visit(chosen + [smaller.remove(at: index)], smaller)
            }
        }
        visit([first], inner)
        return best
    }

    /// Reverses inner pieces while that helps.
    private func improved(_ order: [Int]) -> [Int] {
        var best = order
        var value = quality(best)
        for _ in 0..<4 {
            var changed = false
            for start in 1..<(best.count - 2) {
                for end in (start + 1)..<(best.count - 1) {
                    var trial = best
                    trial[start...end].reverse()
                    let quality = quality(trial)
                    if quality < value { (best, value, changed) = (trial, quality, true) }
                }
            }
            if !changed { break }
        }
        return best
    }

    private func hop(_ from: Int, _ to: Int) -> Double { instance.promptHops[from * instance.count + to] }

    private func quality(_ order: [Int]) -> (Double, Double) {
        var slowest = 0.0
        var sum = 0.0
        for index in 1..<order.count {
            let hop = hop(order[index - 1], order[index])
            slowest = max(slowest, hop)
            sum += hop
        }
        return (slowest, sum)
    }
}
