/// Paths that visit every device of a group once, by dynamic programming over device sets (2^n * n^2 steps).
struct DevicePaths {
    private let hops: [[Double]]
    private let count: Int

    init(_ hops: [[Double]]) {
        self.hops = hops
        count = hops.count
    }

    /// For every last device: the least possible slowest hop of a path from `first`.
    func leastSlowestHop(from first: Int) -> [Double] {
        search(from: first, limit: .infinity) { max($0, $1) }.values
    }

    /// Paths from `first` with the least sum of hops, none of which exceeds `limit`.
    func shortest(from first: Int, limit: Double) -> Search {
        search(from: first, limit: limit) { $0 + $1 }
    }

    /// The outcome of a search from one device.
    struct Search {
        fileprivate let count: Int
        /// The path's value for every last device.
        let values: [Double]
        fileprivate let parents: [Int8]

        /// The devices of the path that ends in `last`.
        func path(to last: Int) -> [Int]? {
            guard values[last].isFinite else { return nil }
            var path = [last]
            var set = (1 << count) - 1
            var device = last
            while path.count < count {
                let parent = Int(parents[set * count + device])
                guard parent >= 0 else { return nil }
                set &= ~(1 << device)
                device = parent
                path.append(device)
            }
            return path.reversed()
        }
    }

    private func search(from first: Int, limit: Double, combine: (Double, Double) -> Double) -> Search {
        let sets = 1 << count
        var values = [Double](repeating: .infinity, count: sets * count)
        var parents = [Int8](repeating: -1, count: sets * count)
        values[(1 << first) * count + first] = 0
        for set in 1..<sets where set & (1 << first) != 0 {
            for device in 0..<count where set & (1 << device) != 0 {
                let value = values[set * count + device]
                guard value.isFinite else { continue }
                for next in 0..<count where set & (1 << next) == 0 && hops[device][next] <= limit {
                    let entry = (set | 1 << next) * count + next
                    let extended = combine(value, hops[device][next])
                    if extended < values[entry] {
                        values[entry] = extended
                        parents[entry] = Int8(device)
                    }
                }
            }
        }
        return Search(count: count, values: Array(values[((sets - 1) * count)...]), parents: parents)
    }
}
