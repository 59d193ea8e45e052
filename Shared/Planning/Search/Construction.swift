internal import CostModel

/// Groupings that a search starts from: orders of the devices cut into the smallest groups that hold the model.
struct Construction {
    private let instance: PlanningInstance

    init(_ instance: PlanningInstance) { self.instance = instance }

    /// Groupings in a fixed order.
    var groupings: [[[Int]]] {
        let devices = Array(0..<instance.count)
        let keys: [(Int) -> Double] = [
            { -Double(instance.devices[$0].memoryBytes) }, { instance.devices[$0].decode[1] },
            { instance.devices[$0].prefill },
        ]
        var groupings: [[[Int]]] = []
        for key in keys {
            let order = devices.sorted { (key($0), $0) < (key($1), $1) }
            for slack in [0, 1] {
                groupings.append(smallestGroups(order, slack: slack))
                groupings.append(smallestGroups(alternating(order), slack: slack))
            }
        }
        groupings.append(nearestGroups())
        return groupings
    }

    /// Cuts an order into the smallest groups that hold the model, each with `slack` devices more; what is left over stays
    /// idle.
    private func smallestGroups(_ order: [Int], slack: Int) -> [[Int]] {
        var groups: [[Int]] = []
        var group: [Int] = []
        var extra = 0
        for device in order {
            group.append(device)
            guard holds(group) else { continue }
            if extra < slack, group.count > 1 {
                extra += 1
                continue
            }
            groups.append(group)
            (group, extra) = ([], 0)
        }
        if holds(group) { groups.append(group) }
        return groups
    }

    /// Grows a group from every free device by the nearest free one until it holds the model.
    private func nearestGroups() -> [[Int]] {
        var free = Set(0..<instance.count)
        var groups: [[Int]] = []
        for device in (0..<instance.count).sorted(by: {
            (-instance.devices[$0].memoryBytes, $0) < (-instance.devices[$1].memoryBytes, $1)
        }) where free.contains(device) {
            var group = [device]
            var rest = free.subtracting(group)
            while !holds(group), group.count < instance.layers,
                let next = rest.min(by: {
                    (instance.promptHops[device * instance.count + $0], $0)
                        < (instance.promptHops[device * instance.count + $1], $1)
                })
            {
                group.append(next)
                rest.remove(next)
            }
            guard holds(group) else { break }
            free.subtract(group)
            groups.append(group)
        }
        return groups
    }

    /// Whether the devices hold the model with the KV of a small batch.
    private func holds(_ group: [Int]) -> Bool {
        guard let first = group.first, let last = group.last else { return false }
        let tokens = instance.decodeTokens[min(instance.largestBatch, 4)]
        var room = 0
        for device in group {
            room += instance.capacity(device, tokens: tokens, first: device == first, last: device == last)
        }
        return room >= instance.layers && group.count <= instance.layers
    }

    /// First, last, second, last but one, ...: groups of strong and weak devices.
    private func alternating(_ order: [Int]) -> [Int] {
        var rest = order[...]
        var mixed: [Int] = []
        while let strong = rest.popFirst() {
            mixed.append(strong)
            if let weak = rest.popLast() { mixed.append(weak) }
        }
        return mixed
    }
}
