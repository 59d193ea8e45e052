internal import Domain

/// The best plan of a small fleet, with proof: every partition of the devices into groups with roles is visited, except
/// those whose rate on a network without limits cannot exceed the best plan so far.
struct ExactSearch {
    /// Largest fleet.
    static let mostDevices = 11

    /// The best plans for a role assignment each, best last.
    private(set) var best: PlacedGroups?
    /// What no plan exceeds: the rate of `best` where the search was complete.
    private(set) var upperBound = 0.0
    /// Whether every partition was visited or excluded.
    private(set) var isComplete = true

    private let instance: PlanningInstance
    private let options: [[GroupOption]]
    private let bounds: [Bound]
    private var routes: KVRoutes
    private var visited = 0
    private var solved = 0
    private let mostVisits = 3_000_000
    private let mostFlows = 4000
    private let shouldStop: () -> Bool

    /// The most that the devices of a set can be worth together at given prices.
    private struct Bound {
        var prices: PhasePrices
        var values: [Double]
    }

    /// Searches all plans whose roles are among `roles`; starts from the plans given.
    init(
        _ instance: PlanningInstance, _ table: inout GroupTable, roles: Set<ReplicaRole>, start: [PlacedGroups] = [],
        shouldStop: @escaping () -> Bool
    ) {
        self.instance = instance
        self.shouldStop = shouldStop
        routes = KVRoutes(instance)
        let count = instance.count
        var options: [[GroupOption]] = [[]]
        for set in 1..<(1 << count) {
            let value = table.value((0..<count).filter { set & 1 << $0 != 0 })
            options.append(ReplicaRole.allCases.filter(roles.contains).compactMap { value[$0] })
        }
        self.options = options
        let mixed = roles.contains(.mixed) ? 1.0 : 0
        let shares = roles.contains(.prefill) ? [0.2, 0.35, 0.45, 0.5, 0.55, 0.65, 0.8] : [0.5]
        bounds = shares.map { share in
            let prices = PhasePrices(prefill: share, decode: 1 - share, mixed: mixed)
            return Bound(prices: prices, values: Self.most(options, prices, count: count))
        }
        for plan in start where Set(plan.groups.map(\.role)).isSubset(of: roles) && plan.rate > (best?.rate ?? 0) {
            best = plan
        }
        visit(rest: (1 << count) - 1, chosen: [], prefill: 0, decode: 0, mixed: 0)
        let open = isComplete ? 0 : bound(rest: (1 << count) - 1, prefill: 0, decode: 0, mixed: 0)
        upperBound = max(best?.rate ?? 0, open)
    }

    private static func most(_ options: [[GroupOption]], _ prices: PhasePrices, count: Int) -> [Double] {
        let worth = options.map { options in
            options.map { option in
                switch option.role {
                case .prefill: option.rate * prices.prefill
                case .decode: option.rate * prices.decode
                case .mixed: option.rate * prices.mixed
                }
            }.max() ?? 0
        }
        var most = [Double](repeating: 0, count: 1 << count)
        for set in 1..<(1 << count) {
            let first = set & -set
            var value = most[set ^ first]
            var sub = set
            while sub > 0 {
                if sub & first != 0, worth[sub] > 0 { value = max(value, worth[sub] + most[set ^ sub]) }
                sub = (sub - 1) & set
            }
            most[set] = value
        }
        return most
    }

    private func bound(rest: Int, prefill: Double, decode: Double, mixed: Double) -> Double {
        var least = Double.infinity
        for bound in bounds {
            let value =
                mixed + bound.prices.prefill * prefill + bound.prices.decode * decode + bound.values[rest]
            least = min(least, value)
        }
        return least
    }

    private mutating func visit(
        rest: Int, chosen: [GroupOption], prefill: Double, decode: Double, mixed: Double
    ) {
        guard isComplete else { return }
        visited += 1
        if visited > mostVisits || solved > mostFlows || (visited & 1023 == 0 && shouldStop()) {
            isComplete = false
            return
        }
        let goal = (best?.rate ?? 0) * (1 + 1e-5)
        guard bound(rest: rest, prefill: prefill, decode: decode, mixed: mixed) > goal else { return }
        // Groups only add to a plan: leaving the rest idle is one of its completions.
        if mixed + min(prefill, decode) > goal {
            let isNetworkFree = prefill == 0 || decode == 0
            if !isNetworkFree { solved += 1 }
            let plan = PlacedGroups(chosen, instance, &routes)
            if plan.rate > (best?.rate ?? 0) { best = plan }
        }
        guard rest > 0 else { return }
        let first = rest & -rest
        var sub = rest
        while sub > 0 {
            if sub & first != 0 {
                for option in options[sub] {
                    visit(
                        rest: rest ^ sub, chosen: chosen + [option],
                        prefill: prefill + (option.role == .prefill ? option.rate : 0),
                        decode: decode + (option.role == .decode ? option.rate : 0),
                        mixed: mixed + (option.role == .mixed ? option.rate : 0))
                }
            }
            sub = (sub - 1) & rest
        }
        visit(rest: rest ^ first, chosen: chosen, prefill: prefill, decode: decode, mixed: mixed)
    }
}
