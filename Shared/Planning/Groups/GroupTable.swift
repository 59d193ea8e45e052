internal import Domain

/// What is known about groups: each set of devices is evaluated once.
struct GroupTable {
    let instance: PlanningInstance
    private var evaluator: GroupEvaluator
    private var values: [DeviceSet: GroupValue] = [:]
    private(set) var evaluations = 0
    /// Entries after which the table starts afresh: bounds the memory of long searches on large fleets.
    private let mostEntries = 400_000

    init(_ instance: PlanningInstance, orders: StageOrders? = nil, longestGap: Double = .infinity) {
        self.instance = instance
        evaluator = GroupEvaluator(instance, orders: orders, longestGap: longestGap)
    }

    /// The value of a group.
    mutating func value(_ members: [Int]) -> GroupValue {
        let key = DeviceSet(members)
        if let known = values[key] { return known }
        if values.count >= mostEntries { values.removeAll(keepingCapacity: true) }
        // The order in which a caller names devices must not decide between equals.
        let value = evaluator.evaluate(members.sorted())
        evaluations += 1
        values[key] = value
        return value
    }

    /// The best role of a group for given prices of the phases.
    mutating func worth(_ members: [Int], _ prices: PhasePrices) -> Worth {
        prices.worth(value(members))
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
