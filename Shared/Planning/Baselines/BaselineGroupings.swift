internal import Domain

/// How the layers of a baseline's groups are divided.
enum LayerSplit: CaseIterable {
    /// The same number for every stage.
    case even
    /// In proportion to the speed of each stage, as far as its memory allows.
    case speed
    /// The same where it leaves room for as many sequences as any split does.
    case room
}

/// The groupings that a baseline may have: the same rules under every order of merging.
///
/// What a group is worth under a split is computed once, however many groupings have it.
struct BaselineGroupings {
    private let instance: PlanningInstance
    private let types: DeviceTypes
    private let merged: MergedGroups
    private let even: EvenSplit
    private let speed: SpeedSplit
    private var values: [LayerSplit: [[Int]: GroupValue]] = [:]

    init(_ instance: PlanningInstance, types: DeviceTypes, neighbours: NeighbourGroups, rules: BaselineRules) {
        self.instance = instance
        self.types = types
        merged = MergedGroups(instance: instance, neighbours: neighbours)
        let groups = BaselineGroups(instance, types: types, neighbours: neighbours, rules: rules)
        (even, speed) = (groups.even, groups.speed)
    }

    /// Groups of one type that hold the model under an even split, in every order of merging; the rest stays idle.
    var literal: [[[Int]]] { distinct(MergeOrder.allCases.map { ofOneType($0, holding: even.order) }) }

    /// Those groups, and groups of one type that hold the model when layers suit the speed of devices; each with groups
    /// across types from what is left over, in every order of merging, and without them; and groups that ask for no type.
    var strong: [[[Int]]] {
        let single = literal + MergeOrder.allCases.map { ofOneType($0, holding: speed.order) }
        var all: [[[Int]]] = []
        for groups in distinct(single + [[]]) {
            all += MergeOrder.allCases.map { groups + acrossTypes($0, without: groups) }
            all.append(groups)
        }
        return distinct(all)
    }

    /// The groups with what they are worth under a split, without those that do not hold the model under it.
    mutating func groups(_ orders: [[Int]], _ split: LayerSplit) -> [BaselineGroup] {
        orders.compactMap { order in
            let value = value(order, split)
            guard !value.isEmpty else { return nil }
            return BaselineGroup(types: order.map { types.ofDevice[$0] }.sorted(), order: order, value: value)
        }
    }

    private mutating func value(_ order: [Int], _ split: LayerSplit) -> GroupValue {
        if let known = values[split]?[order] { return known }
        let value =
            switch split {
            case .even:
                GroupRating(instance: instance).value(
                    order, EvenSplit.layers(instance.layers, stages: order.count))
            case .speed: speed.value(order)
            case .room: speed.value(order, keepsRoom: true)
            }
        values[split, default: [:]][order] = value
        return value
    }

    private func ofOneType(_ order: MergeOrder, holding: ([Int]) -> [Int]?) -> [[Int]] {
        types.members.flatMap { merged.groups(of: $0, by: order, holding: holding) }
    }

    private func acrossTypes(_ order: MergeOrder, without groups: [[Int]]) -> [[Int]] {
        let used = DeviceSet(groups.joined())
        let roomy = (0..<instance.count).filter { device in
            // A device without room for a layer would only keep its chain from growing.
            !used.contains(device) && instance.capacity(device, tokens: speed.kvTokens, first: false, last: false) > 0
        }
        return merged.groups(of: roomy, by: order, holding: speed.order)
    }

    private func distinct(_ groupings: [[[Int]]]) -> [[[Int]]] {
        var known: Set<Set<[Int]>> = []
        return groupings.filter { known.insert(Set($0)).inserted }
    }
}
