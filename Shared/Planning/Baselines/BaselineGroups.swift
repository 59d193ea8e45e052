internal import Domain

/// A group of a baseline, before it has a role.
struct BaselineGroup {
    /// The types of its devices, sorted; groups of equal types are of one class.
    var types: [Int]
    /// Its smallest device, which orders groups.
    var firstDevice: Int { order.min() ?? 0 }
    /// Devices in stage order.
    var order: [Int]
    /// What it is worth in every role.
    var value: GroupValue
}

/// The groups that baselines make of a fleet.
struct BaselineGroups {
    private let instance: PlanningInstance
    private let types: DeviceTypes
    private let neighbours: NeighbourGroups
    let even: EvenSplit
    let speed: SpeedSplit

    init(_ instance: PlanningInstance, types: DeviceTypes, neighbours: NeighbourGroups, rules: BaselineRules) {
        self.instance = instance
        self.types = types
        self.neighbours = neighbours
        let tokens = max(rules.kvTokens, instance.decodeTokens[1], instance.prefillTokens)
        even = EvenSplit(instance: instance, kvTokens: tokens)
        speed = SpeedSplit(instance: instance, kvTokens: tokens, mostEnds: rules.mostEnds)
    }

    /// Splitwise-literal: the smallest groups of one type that hold the model under an even split; what is left over stays
    /// idle.
    var literal: [BaselineGroup] {
        let rating = GroupRating(instance: instance)
        return orders.map { order in
            let layers = EvenSplit.layers(instance.layers, stages: order.count)
            return group(order, rating.value(order, layers))
        }
    }

    /// Splitwise-strong: the same groups with layers split to speed, and groups across types from what is left over.
    var strong: [BaselineGroup] {
        var orders = orders
        let used = DeviceSet(orders.joined())
        let roomy = (0..<instance.count).filter { device in
            // A device without room for a layer would only keep its chain from growing.
            !used.contains(device) && instance.capacity(device, tokens: speed.kvTokens, first: false, last: false) > 0
        }
        orders += neighbours.groups(of: roomy, holding: speed.order)
        return orders.map { group($0, speed.value($0)) }
    }

    private var orders: [[Int]] { types.members.flatMap { neighbours.groups(of: $0, holding: even.order) } }

    private func group(_ order: [Int], _ value: GroupValue) -> BaselineGroup {
        BaselineGroup(types: order.map { types.ofDevice[$0] }.sorted(), order: order, value: value)
    }
}
