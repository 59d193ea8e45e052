/// The best numbers of layers for a group whose first and last device are known, hops left aside.
///
/// Per layer a device costs the same wherever in the pipeline it stands, so apart from the embedding (first) and the LM
/// head (last) the order does not matter: the least slowest stage `limit` is found by bisection over the possible stage
/// times, and the least sum within it by giving the remaining layers to the fastest devices first.
struct LayerBalance {
    let group: StageGroup
    let first: Int
    let last: Int
    private let capacities: [Int]

    init(_ group: StageGroup, first: Int, last: Int) {
        self.group = group
        self.first = first
        self.last = last
        capacities = group.devices.indices.map { group.capacity($0, first: $0 == first, last: $0 == last) }
    }

    /// The least possible slowest stage, or `nil` where memory does not suffice.
    func leastSlowest() -> Double? {
        guard capacities.allSatisfy({ $0 > 0 }), capacities.reduce(0, +) >= group.layers else { return nil }
        var times: [Double] = []
        for device in capacities.indices {
            for count in 1...capacities[device] {
                times.append(group.seconds(device, count: count, last: device == last))
            }
        }
        times.sort()
        var low = 0
        var high = times.count - 1
        while low < high {
            let middle = (low + high) / 2
            if counts(within: times[middle], filled: false) != nil { high = middle } else { low = middle + 1 }
        }
        return times[low]
    }

    /// Layers per device with every stage within `limit` and the least sum, or `nil` where there are none. With
    /// `filled == false` only says whether there are any.
    func counts(within limit: Double, filled: Bool = true) -> [Int]? {
        var most: [Int] = []
        for device in capacities.indices {
            let count = largestCount(device, limit: limit)
            guard count >= 1 else { return nil }
            most.append(count)
        }
        guard most.reduce(0, +) >= group.layers else { return nil }
        guard filled else { return most }
        var counts = [Int](repeating: 1, count: most.count)
        var remaining = group.layers - most.count
        guard remaining >= 0 else { return nil }
        let fastest = most.indices.sorted {
            (group.devices[$0].secondsPerLayer, $0) < (group.devices[$1].secondsPerLayer, $1)
        }
        for device in fastest {
            let extra = min(remaining, most[device] - 1)
            counts[device] += extra
            remaining -= extra
        }
        return counts
    }

    private func largestCount(_ device: Int, limit: Double) -> Int {
        let head = device == last ? group.devices[device].headSeconds : 0
        let ratio = (limit - head) / group.devices[device].secondsPerLayer
        guard ratio > 0 else { return 0 }
        var count = min(capacities[device], Int(min(ratio, 1e6)) + 1)
        // The division above may round either way; the comparison that decides is that of the stage time itself.
        while count > 0, group.seconds(device, count: count, last: device == last) > limit { count -= 1 }
        return count
    }
}
