internal import Domain

/// Searches the grouping of a fleet whose groups are worth most together at given prices of the phases.
///
/// Starts from groupings by construction, then solves neighbourhoods exactly: the devices of a few groups (near each other,
/// or chosen at random) and some idle ones are taken apart and put together again in the best possible way
/// (`SubsetPartition`). Groups that are too large for that exchange single devices.
struct GroupingSearch {
    /// The groups so far; devices in none of them are idle.
    private(set) var groups: [[Int]] = []
    /// What they are worth.
    private(set) var value = 0.0
    /// Changing the prices revalues the groups.
    private(set) var prices: PhasePrices

    private var bound: GroupBound
    private var worths: [Double] = []
    private var idle: [Int] = []
    private var random: SeededRandom
    private let instance: PlanningInstance
    private let neighbours: [[Int]]
    /// Devices that are rearranged at once.
    private let reach: Int

    init(_ instance: PlanningInstance, prices: PhasePrices, seed: UInt64, reach: Int = 7) {
        self.instance = instance
        self.prices = prices
        bound = GroupBound(instance, prices)
        self.reach = min(reach, SubsetPartition.mostDevices)
        random = SeededRandom(seed: seed)
        neighbours = Self.neighbours(instance)
        idle = Array(0..<instance.count)
    }

    /// The plan's groups with their best roles at the prices.
    func options(_ table: inout GroupTable) -> [GroupOption] {
        groups.compactMap { group in
            let value = table.value(group)
            return prices.worth(value).role.flatMap { value[$0] }
        }
    }

    /// Takes over a grouping.
    mutating func adopt(_ groups: [[Int]], _ table: inout GroupTable) {
        self.groups = groups
        idle = Self.idle(groups, count: instance.count)
        revalue(table: &table)
    }

    /// Changes the prices.
    mutating func reprice(_ prices: PhasePrices, _ table: inout GroupTable) {
        self.prices = prices
        bound = GroupBound(instance, prices)
        revalue(table: &table)
    }

    /// Takes the best of the groupings by construction.
    mutating func construct(_ table: inout GroupTable) {
        for grouping in Construction(instance).groupings {
            let usable = grouping.filter { table.worth($0, prices).value > 0 }
            let value = usable.reduce(0) { $0 + table.worth($1, prices).value }
            if value > self.value { adopt(usable, &table) }
        }
    }

    /// Solves one neighbourhood; returns whether the grouping became better.
    mutating func step(_ table: inout GroupTable) -> Bool {
        let chosen = neighbourhood()
        let devices = chosen.groups.flatMap { groups[$0] } + chosen.idle
        if devices.count > reach || devices.count < 2 { return exchange(&table) }
        let before = chosen.groups.reduce(0) { $0 + worths[$1] }
        let solved = SubsetPartition(random.shuffled(devices), &table, prices, bound)
        guard solved.value > before * (1 + 1e-9) + 1e-15 else { return false }
        replace(chosen.groups, with: solved.groups, freed: devices, &table)
        return true
    }

    // MARK: - Neighbourhoods

    /// Indices of groups, and idle devices.
    private mutating func neighbourhood() -> (groups: [Int], idle: [Int]) {
        var chosen: [Int] = []
        var taken = 0
        let start = random.below(instance.count)
        let near = random.unit() < 0.6
        var candidates: [Int] = []
        if near {
            candidates = [start] + neighbours[start]
        } else {
            candidates = [start]
            for _ in 0..<(2 * reach) { candidates.append(random.below(instance.count)) }
        }
        var owner = [Int](repeating: -1, count: instance.count)
        for (index, group) in groups.enumerated() {
            for device in group { owner[device] = index }
        }
        var free: [Int] = []
        for device in candidates {
            let group = owner[device]
            if group < 0 {
                if taken < reach, !free.contains(device) {
                    free.append(device)
                    taken += 1
                }
            } else if !chosen.contains(group), taken + groups[group].count <= reach {
                chosen.append(group)
                taken += groups[group].count
            }
            if taken >= reach { break }
        }
        return (chosen, free)
    }

    /// Moves a device between two groups, or from or to the idle ones, or swaps two: for groups that are too large to be
    /// rearranged exactly.
    private mutating func exchange(_ table: inout GroupTable) -> Bool {
        guard !groups.isEmpty else { return false }
        let first = random.below(groups.count)
        let second = random.below(groups.count)
        var left = groups[first]
        var right = second == first ? [] : groups[second]
        switch random.below(4) {
        case 0:
            if let device = random.element(of: left) { right.append(Self.remove(device, &left)) }
        case 1:
            guard let give = random.element(of: left) else { return false }
            let pool = second == first ? idle : right
            guard let take = random.element(of: pool) else { return false }
            left.append(take)
            _ = Self.remove(give, &left)
            if second != first {
                right.append(give)
                _ = Self.remove(take, &right)
            }
        case 2:
            guard let device = random.element(of: idle) else { return false }
            left.append(device)
        default:
            guard second != first else { return false }
            left += right
            right = []
        }
        let changed = second == first ? [first] : [first, second]
        let before = changed.reduce(0) { $0 + worths[$1] }
        let parts = [left, right].filter { !$0.isEmpty && table.worth($0, prices).value > 0 }
        let after = parts.reduce(0) { $0 + table.worth($1, prices).value }
        guard after > before * (1 + 1e-9) else { return false }
        replace(changed, with: parts, freed: changed.flatMap { groups[$0] } + left + right, &table)
        return true
    }

    private static func remove(_ device: Int, _ group: inout [Int]) -> Int {
        group.removeAll { $0 == device }
        return device
    }

    private mutating func replace(
        _ old: [Int], with new: [[Int]], freed: [Int], _ table: inout GroupTable
    ) {
        for index in old.sorted(by: >) {
            groups.remove(at: index)
            worths.remove(at: index)
        }
        for group in new {
            groups.append(group)
            worths.append(table.worth(group, prices).value)
        }
        let used = Set(new.joined())
        let touched = Set(freed)
        idle = idle.filter { !touched.contains($0) } + touched.filter { !used.contains($0) }.sorted()
        value = worths.reduce(0, +)
    }

    private mutating func revalue(table: inout GroupTable) {
        worths = groups.map { table.worth($0, prices).value }
        value = worths.reduce(0, +)
    }

    private static func idle(_ groups: [[Int]], count: Int) -> [Int] {
        let used = Set(groups.joined())
        return (0..<count).filter { !used.contains($0) }
    }

    /// For every device the others in order of the hop to them.
    private static func neighbours(_ instance: PlanningInstance) -> [[Int]] {
        (0..<instance.count).map { device in
            let hops = (0..<instance.count).map { other in
                max(
                    instance.promptHops[device * instance.count + other],
                    instance.promptHops[other * instance.count + device])
            }
            return Array(
                (0..<instance.count).filter { $0 != device }.sorted { (hops[$0], $0) < (hops[$1], $1) }.prefix(24))
        }
    }
}
