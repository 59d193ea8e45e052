internal import Domain

/// The default search: groups, orders, layers, roles, concurrency and flows of a whole fleet.
///
/// Small fleets are solved exactly. On larger ones, groupings are searched at several prices of the phases
/// (`GroupingSearch`): mixed replicas only; prefill and decoder replicas, with the price between the phases adjusted until
/// their rates balance; and prices in between, where transfers cost so much that part of the fleet is better mixed. Every
/// grouping on the way becomes a candidate with its best roles, judged with the network; the objective chooses among the
/// candidates.
///
/// Deterministic for a seed unless it is stopped; stopped at any time it has the best plan so far.
public struct PlacementSearch {
    /// What is searched.
    public let instance: PlanningInstance
    /// Candidates, none twice.
    public private(set) var candidates: [PlacedGroups] = []
    /// What no plan exceeds, where the fleet was solved exactly.
    public private(set) var exactBound: Double?
    /// Whether the search was stopped before it was done.
    public private(set) var wasStopped = false

    private var table: GroupTable
    private var finalTable: GroupTable
    private var routes: KVRoutes
    private let seed: UInt64
    private let stop: () -> Bool
    private var known: Set<[[Int]]> = []
    private let isSmall: Bool

    /// Prepares a search. `longestGap` is the longest allowed time between two tokens, `stop` is asked often; fleets of up
    /// to `exactDevices` are solved exactly.
    init(
        _ instance: PlanningInstance, seed: UInt64, longestGap: Double = .infinity,
        exactDevices: Int = ExactSearch.mostDevices, stop: @escaping () -> Bool
    ) {
        self.instance = instance
        self.seed = seed
        self.stop = stop
        routes = KVRoutes(instance)
        isSmall = instance.count <= exactDevices
        let complete = StageOrders(instance: instance, largestComplete: ExactSearch.mostDevices)
        // While it searches, two devices are tried for each end; the groups of candidates get all of them.
        let few = StageOrders(instance: instance, endsTried: 2, largestComplete: 2)
        table = GroupTable(instance, orders: isSmall ? complete : few, longestGap: longestGap)
        finalTable = GroupTable(instance, orders: complete, longestGap: longestGap)
    }

    /// Evaluations of groups so far.
    var evaluations: Int { table.evaluations + finalTable.evaluations }

    /// Searches; `start` are groupings that are known already, such as that of the plan in force.
    mutating func run(start: [[[Int]]] = []) {
        for grouping in start + Construction(instance).groupings { note(grouping) }
        if isSmall {
            solveExactly()
        } else {
            searchNeighbourhoods(start: start)
            refineLimited()
        }
    }

    /// Suits the best plans to the network where it limits them.
    private mutating func refineLimited() {
        let refinement = LayerRefinement(instance: instance, mostTrials: 150, shouldStop: stop)
        for plan in candidates.sorted(by: { $0.rate > $1.rate }).prefix(4) {
            let refined = refinement.refined(plan, &routes)
            if refined.rate > plan.rate { add(refined) }
        }
    }

    private mutating func solveExactly() {
        let kinds: [Set<ReplicaRole>] =
            switch instance.limits.roles {
            case .any: [[.mixed], [.prefill, .decode], Set(ReplicaRole.allCases)]
            case .uniform: [[.mixed], [.prefill, .decode]]
            case .split: [[.prefill, .decode]]
            case .mixed: [[.mixed]]
            }
        var bound = 0.0
        for roles in kinds {
            let search = ExactSearch(instance, &table, roles: roles, start: candidates, shouldStop: stop)
            if let best = search.best { add(best) }
            if !search.isComplete { wasStopped = true }
            bound = max(bound, search.upperBound)
        }
        exactBound = bound
    }

    private mutating func searchNeighbourhoods(start: [[[Int]]]) {
        let count = instance.count
        // Steps take longer on larger fleets, and pricing the phases takes several searches; each has to be shorter then.
        let (effort, pricedEffort) = count > 96 ? (12, 5) : count > 40 ? (12, 12) : (16, 16)
        let (budget, pricedBudget) = (effort * count, pricedEffort * count)
        let roles = instance.limits.roles
        if roles != .split {
            var search = GroupingSearch(instance, prices: .mixedOnly, seed: seed)
            begin(&search, start)
            advance(&search, steps: budget)
            note(search.groups)
        }
        if roles != .mixed { balance(total: 1, mixed: 0, start, steps: pricedBudget) }
        if roles == .any {
            for total in [0.9, 0.75] { balance(total: total, mixed: 1, start, steps: pricedBudget / 2) }
        }
    }

    private mutating func begin(_ search: inout GroupingSearch, _ start: [[[Int]]]) {
        search.construct(&table)
        for grouping in start {
            let value = grouping.reduce(0) { $0 + table.worth($1, search.prices).value }
            if value > search.value { search.adopt(grouping, &table) }
        }
    }

    private mutating func advance(_ search: inout GroupingSearch, steps: Int) {
        var stale = 0
        for _ in 0..<steps {
            if stop() {
                wasStopped = true
                return
            }
            stale = search.step(&table) ? 0 : stale + 1
            // Every device has been at the centre of several neighbourhoods that were the best possible.
            if stale > 5 * instance.count { return }
        }
    }

    /// Searches with the price of prefill adjusted until both phases have the same rate; `total` is what both phases are
    /// worth together, the rest of a request's worth is the price of its transfer.
    private mutating func balance(total: Double, mixed: Double, _ start: [[[Int]]], steps: Int) {
        var low = 0.02 * total
        var high = 0.98 * total
        let rounds = 7
        var search = GroupingSearch(
            instance, prices: PhasePrices(prefill: total / 2, decode: total / 2, mixed: mixed), seed: seed &+ 1)
        begin(&search, start)
        for round in 0..<rounds {
            let price = (low + high) / 2
            search.reprice(PhasePrices(prefill: price, decode: total - price, mixed: mixed), &table)
            advance(&search, steps: round == rounds - 1 ? steps : steps / 4)
            note(search.groups)
            let options = search.options(&table)
            let prefill = options.filter { $0.role == .prefill }.reduce(0) { $0 + $1.rate }
            let decode = options.filter { $0.role == .decode }.reduce(0) { $0 + $1.rate }
            if prefill > decode { high = price } else { low = price }
            if wasStopped { return }
        }
    }

    /// Makes candidates of a grouping.
    private mutating func note(_ grouping: [[Int]]) {
        let key = grouping.map { $0.sorted() }.sorted { $0.lexicographicallyPrecedes($1) }
        guard known.insert(key).inserted, !key.isEmpty else { return }
        for plan in RoleChoice(instance: instance).plans(key, &finalTable, &routes) where plan.rate > 0 { add(plan) }
    }

    private mutating func add(_ plan: PlacedGroups) {
        if !candidates.contains(where: { $0.groups == plan.groups }) { candidates.append(plan) }
    }
}
