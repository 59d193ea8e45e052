internal import CostModel
internal import Domain

/// The smallest groups of neighbours that hold the model.
struct NeighbourGroups {
    private let instance: PlanningInstance
    /// The site of each device; one without a site is at its own.
    private let sites: [String?]

    init(_ instance: PlanningInstance, sites: [DeviceID: String]) {
        self.instance = instance
        self.sites = instance.cost.devices.map { sites[$0.id].flatMap { $0.isEmpty ? nil : $0 } }
    }

    /// Groups of free devices. From every device a chain grows by the nearest free one until `holding` finds an order of its
    /// stages that holds the model; the shortest chain becomes a group (of equal ones the one with the shortest way), until
    /// there is none.
    func groups(of devices: [Int], holding: ([Int]) -> [Int]?) -> [[Int]] {
        var free = devices
        var groups: [[Int]] = []
        while let group = smallest(free, holding) {
            groups.append(group)
            let taken = DeviceSet(group)
            free.removeAll { taken.contains($0) }
        }
        return groups
    }

    /// Devices in an order in which each is followed by the nearest of those that are left.
    func path(_ devices: [Int]) -> [Int] {
        guard let first = devices.first else { return [] }
        var path = [first]
        var rest = Array(devices.dropFirst())
        while let next = nearest(path[path.count - 1], rest) { path.append(rest.remove(at: next)) }
        return path
    }

    private func smallest(_ free: [Int], _ holding: ([Int]) -> [Int]?) -> [Int]? {
        var best: (order: [Int], way: Double)?
        for seed in free {
            let most = min(best?.order.count ?? free.count, instance.layers)
            guard let found = chain(from: seed, free, most: most, holding) else { continue }
            if let best, (best.order.count, best.way) <= (found.order.count, found.way) { continue }
            best = found
            // One device alone cannot be beaten.
            if found.order.count == 1 { break }
        }
        return best?.order
    }

    private func chain(
        from seed: Int, _ free: [Int], most: Int, _ holding: ([Int]) -> [Int]?
    ) -> (order: [Int], way: Double)? {
        var chain = [seed]
        var rest = free.filter { $0 != seed }
        var way = 0.0
        while true {
            if let order = holding(chain) { return (order, way) }
            guard chain.count < most, let next = nearest(chain[chain.count - 1], rest) else { return nil }
            way += hop(chain[chain.count - 1], rest[next])
            chain.append(rest.remove(at: next))
        }
    }

    /// The place of the nearest device: by hop time, then of the same site, then by id.
    private func nearest(_ device: Int, _ rest: [Int]) -> Int? {
        rest.indices.min { (distance(device, rest[$0]), rest[$0]) < (distance(device, rest[$1]), rest[$1]) }
    }

    private func distance(_ from: Int, _ to: Int) -> Distance {
        Distance(hop: hop(from, to), isElsewhere: sites[from] == nil || sites[from] != sites[to])
    }

    private func hop(_ from: Int, _ to: Int) -> Double { instance.promptHops[from * instance.count + to] }

    private struct Distance: Comparable {
        var hop: Double
        var isElsewhere: Bool

        static func < (left: Distance, right: Distance) -> Bool {
            left.hop == right.hop ? !left.isElsewhere && right.isElsewhere : left.hop < right.hop
        }
    }
}
