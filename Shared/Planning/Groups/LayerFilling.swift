/// Exact layer counts for a group whose first and last device are known. Members are numbered by their place in the group.
///
/// Per layer a device costs the same wherever in the pipeline it stands, so apart from embedding and LM head only the
/// counts matter.
struct LayerFilling {
    /// Layers of the model.
    let layers: Int
    /// Most layers of each member; at least 1, or there is no solution.
    var capacities: [Int] = []
    /// Seconds per layer of each member.
    var seconds: [Double] = []
    /// Seconds that each member needs besides, the LM head on the last.
    var fixed: [Double] = []
    /// The counts that were found last.
    private(set) var counts: [Int] = []
    private var fastest: [Int] = []

    init(layers: Int) { self.layers = layers }

    /// Makes room for a number of members.
    mutating func reset(_ count: Int) {
        guard capacities.count != count else { return }
        capacities = [Int](repeating: 0, count: count)
        seconds = [Double](repeating: 0, count: count)
        fixed = seconds
    }

    /// Whether the capacities suffice.
    private var isPossible: Bool {
        var sum = 0
        for capacity in capacities {
            if capacity < 1 { return false }
            sum += capacity
        }
        return sum >= layers && capacities.count <= layers
    }

    /// Counts with the least slowest stage: every further layer goes where it hurts least, which is optimal because stage
    /// times grow with every layer. Returns the slowest stage.
    mutating func leastSlowest() -> Double? {
        guard isPossible else { return nil }
        start()
        for _ in counts.count..<max(counts.count, layers) {
            var best = -1
            var least = Double.infinity
            for member in counts.indices where counts[member] < capacities[member] {
                let time = Double(counts[member] + 1) * seconds[member] + fixed[member]
                if time < least { (best, least) = (member, time) }
            }
            counts[best] += 1
        }
        return slowest
    }

    /// Counts with the least sum of stages whose every stage is within `limit`: all layers beyond one each go to the fastest
    /// members that have room. Returns the sum.
    mutating func leastSum(limit: Double = .infinity) -> Double? {
        guard isPossible else { return nil }
        var room = 0
        for member in capacities.indices {
            let most = largest(member, limit: limit)
            if most < 1 { return nil }
            room += most
        }
        guard room >= layers else { return nil }
        start()
        sortFastest()
        var remaining = layers - counts.count
        for member in fastest where remaining > 0 {
            let extra = min(remaining, largest(member, limit: limit) - 1)
            counts[member] += extra
            remaining -= extra
        }
        return sum
    }

    /// The slowest stage of the counts.
    var slowest: Double {
        var slowest = 0.0
        for member in counts.indices {
            slowest = max(slowest, Double(counts[member]) * seconds[member] + fixed[member])
        }
        return slowest
    }

    /// All stages of the counts together.
    var sum: Double {
        var sum = 0.0
        for member in counts.indices { sum += Double(counts[member]) * seconds[member] + fixed[member] }
        return sum
    }

    /// The slowest stage if layers could be divided and memory were no limit: no counts do better.
    var balanced: Double {
        var speeds = 0.0
        var fixedLayers = 0.0
        for member in seconds.indices {
            speeds += 1 / seconds[member]
            fixedLayers += fixed[member] / seconds[member]
        }
        return (Double(layers) + fixedLayers) / speeds
    }

    private mutating func start() {
        if counts.count != capacities.count { counts = [Int](repeating: 1, count: capacities.count) }
        for member in counts.indices { counts[member] = 1 }
    }

    private mutating func sortFastest() {
        if fastest.count != seconds.count { fastest = Array(seconds.indices) }
        for index in 1..<max(1, fastest.count) {
            var place = index
            while place > 0, seconds[fastest[place]] < seconds[fastest[place - 1]] {
                fastest.swapAt(place, place - 1)
                place -= 1
            }
        }
    }

    @inline(__always)
    private func largest(_ member: Int, limit: Double) -> Int {
        guard limit.isFinite else { return capacities[member] }
        let ratio = (limit - fixed[member]) / seconds[member]
        guard ratio >= 1 else { return ratio > 1 - 1e-12 ? 1 : 0 }
        return min(capacities[member], Int(min(ratio * (1 + 1e-12), 1e6)))
    }
}
