internal import Domain

/// The best plan of a small fleet, with proof: every partition of the devices into groups with roles is visited, except
/// those whose rate on a network without limits cannot exceed the best plan so far.
///
/// A group's order and layers are the best for itself. Where the network limits a plan, other layers might use it better, so the
/// bound then takes the least that each pair of groups could put on the network, whatever their layers.
struct ExactSearch {
    /// Largest fleet.
    static let mostDevices = 11

    /// The best plans for a role assignment each, best last.
    private(set) var best: PlacedGroups?
    /// What no plan exceeds: the rate of `best` where the search was complete and the network limits nothing that is better.
    private(set) var upperBound = 0.0
    /// Whether every partition was visited or excluded.
    private(set) var isComplete = true

    private let instance: PlanningInstance
    private let options: [[GroupOption]]
    private let bounds: [Bound]
    private var routes: KVRoutes
    private var visited = 0
    private var solved = 0
    /// Plans that the network limits, with what other layers might reach at most; the largest of those.
    private var limited: [(most: Double, groups: [GroupOption])] = []
    private let mostLimited = 24
    private let layerFlow: LayerFlowBound
    private var actual: [Pair: KVRoute] = [:]
    private var least: [Pair: KVRoute] = [:]
    private let mostVisits = 3_000_000
    private let mostFlows = 60_000
    private let shouldStop: () -> Bool

    /// A prefill and a decoder group, as sets of devices.
    private struct Pair: Hashable {
        var source: Int
        var target: Int
    }

    /// A group on the way to a plan.
    private struct Chosen {
        var set: Int
        var option: GroupOption
    }

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
        layerFlow = LayerFlowBound(instance)
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
        refineLimited()
        let networkBound = limited.first?.most ?? 0
        let open = isComplete ? 0 : bound(rest: (1 << count) - 1, prefill: 0, decode: 0, mixed: 0)
        upperBound = max(best?.rate ?? 0, open, networkBound)
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
        rest: Int, chosen: [Chosen], prefill: Double, decode: Double, mixed: Double
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
        let relaxed = mixed + min(prefill, decode)
        if relaxed > goal { consider(chosen, relaxed: relaxed, isSplit: prefill > 0 && decode > 0) }
        guard rest > 0 else { return }
        let first = rest & -rest
        var sub = rest
        while sub > 0 {
            if sub & first != 0 {
                for option in options[sub] {
                    visit(
                        rest: rest ^ sub, chosen: chosen + [Chosen(set: sub, option: option)],
                        prefill: prefill + (option.role == .prefill ? option.rate : 0),
                        decode: decode + (option.role == .decode ? option.rate : 0),
                        mixed: mixed + (option.role == .mixed ? option.rate : 0))
                }
            }
            sub = (sub - 1) & rest
        }
        visit(rest: rest ^ first, chosen: chosen, prefill: prefill, decode: decode, mixed: mixed)
    }

    /// Judges a plan that would be the best so far on a network without limits.
    private mutating func consider(_ chosen: [Chosen], relaxed: Double, isSplit: Bool) {
        let groups = chosen.map(\.option)
        guard isSplit else { return take(groups) }
        solved += 1
        let rate = flow(chosen, groups, \.actual) { $0.route(groups[$1], groups[$2]) }
        if rate > best?.rate ?? 0 { take(groups) }
        let isFull = limited.count == mostLimited
        guard rate < relaxed * (1 - 1e-9), !isFull || relaxed > limited[mostLimited - 1].most else { return }
        let members = chosen.map { entry in (0..<instance.count).filter { entry.set & 1 << $0 != 0 } }
        let mark = max((best?.rate ?? 0) * (1 + 1e-5), isFull ? limited[mostLimited - 1].most : 0)
        var most = flow(chosen, groups, \.least) { $0.leastRoute(members[$1], members[$2]) }
        guard most > mark else { return }
        let parts = zip(groups, members).map {
            LayerFlowBound.Member(role: $0.role, devices: $1, rate: $0.rate)
        }
        most = min(most, layerFlow.most(parts, &routes))
        guard most > mark else { return }
        if isFull { limited.removeLast() }
        limited.insert((most, groups), at: limited.firstIndex { $0.most < most } ?? limited.count)
    }

    /// Suits the most promising plans to the network.
    private mutating func refineLimited() {
        let refinement = LayerRefinement(instance: instance, shouldStop: shouldStop)
        for entry in limited where entry.most > (best?.rate ?? 0) * (1 + 1e-5) {
            let plan = refinement.refined(PlacedGroups(entry.groups, instance, &routes), &routes)
            if plan.rate > best?.rate ?? 0 { best = plan }
        }
    }

    private mutating func take(_ groups: [GroupOption]) {
        let plan = PlacedGroups(groups, instance, &routes)
        if plan.rate > best?.rate ?? 0 { best = plan }
    }

    /// The rate of a plan over routes that are computed once for every pair of groups.
    private mutating func flow(
        _ chosen: [Chosen], _ groups: [GroupOption], _ cache: WritableKeyPath<ExactSearch, [Pair: KVRoute]>,
        _ route: (inout KVRoutes, Int, Int) -> KVRoute
    ) -> Double {
        var known = self[keyPath: cache]
        self[keyPath: cache] = [:]
        defer { self[keyPath: cache] = known }
        return SystemFlow(groups, &routes) { source, target, routes in
            let pair = Pair(source: chosen[source].set, target: chosen[target].set)
            if let route = known[pair] { return route }
            let found = route(&routes, source, target)
            known[pair] = found
            return found
        }.rate
    }
}
