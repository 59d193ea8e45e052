internal import Domain

/// What is known about groups: each set of devices is evaluated once.
struct GroupTable {
    let instance: PlanningInstance
    private var split: GroupEvaluator
    private var mixed: GroupEvaluator
    private var splitValues: [DeviceSet: GroupValue] = [:]
    private var mixedValues: [DeviceSet: GroupOption?] = [:]
    private(set) var evaluations = 0
    /// Entries after which the table starts afresh: bounds the memory of long searches on large fleets.
    private let mostEntries = 300_000

    init(_ instance: PlanningInstance, orders: StageOrders? = nil, longestGap: Double = .infinity) {
        self.instance = instance
        split = GroupEvaluator(instance, orders: orders, longestGap: longestGap, roles: .split)
        mixed = GroupEvaluator(instance, orders: orders, longestGap: longestGap, roles: .mixed)
    }

    /// The value of a group in all roles.
    mutating func value(_ members: [Int]) -> GroupValue {
        var value = splitValue(members)
        value.mixed = mixedOption(members)
        return value
    }

    /// The best role of a group for given prices of the phases; only roles that have a price are evaluated.
    mutating func worth(_ members: [Int], _ prices: PhasePrices) -> Worth {
        var value = prices.prefill > 0 || prices.decode > 0 ? splitValue(members) : GroupValue()
        if prices.mixed > 0 { value.mixed = mixedOption(members) }
        return prices.worth(value)
    }

    private mutating func splitValue(_ members: [Int]) -> GroupValue {
        guard instance.limits.roles != .mixed else { return GroupValue() }
        let key = DeviceSet(members)
        if let known = splitValues[key] { return known }
        if splitValues.count >= mostEntries { splitValues.removeAll(keepingCapacity: true) }
        // The order in which a caller names devices must not decide between equals.
        let value = split.evaluate(members.sorted())
        evaluations += 1
        splitValues[key] = value
        return value
    }

    private mutating func mixedOption(_ members: [Int]) -> GroupOption? {
        guard instance.limits.roles != .split else { return nil }
        let key = DeviceSet(members)
        if let known = mixedValues[key] { return known }
        if mixedValues.count >= mostEntries { mixedValues.removeAll(keepingCapacity: true) }
        let option = mixed.evaluate(members.sorted()).mixed
        evaluations += 1
        mixedValues[key] = .some(option)
        return option
    }
}

/// What serving a phase is worth, as shares of a whole request: the prices of prefill, of decode and (what is left to 1) of
/// the transfer between them.
struct PhasePrices: Sendable, Hashable {
    var prefill: Double
    var decode: Double
    /// 1 where mixed groups are allowed, otherwise 0.
    var mixed: Double

    static let mixedOnly = PhasePrices(prefill: 0, decode: 0, mixed: 1)

    func worth(_ value: GroupValue) -> Worth {
        var best = Worth.none
        if mixed > 0, let option = value.mixed { best = Worth(value: option.rate * mixed, role: .mixed) }
        if prefill > 0, let option = value.prefill, option.rate * prefill > best.value {
            best = Worth(value: option.rate * prefill, role: .prefill)
        }
        if decode > 0, let option = value.decode, option.rate * decode > best.value {
            best = Worth(value: option.rate * decode, role: .decode)
        }
        return best
    }
}

/// The worth of a group at its best role.
struct Worth: Sendable {
    var value: Double
    var role: ReplicaRole?

    static let none = Worth(value: 0, role: nil)
}
