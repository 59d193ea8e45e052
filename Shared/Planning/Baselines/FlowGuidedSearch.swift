internal import CostModel
internal import Domain

/// The planner of HexGen-2 (Jiang et al., HexGen-2: Disaggregated Generative Inference of LLMs in Heterogeneous Environment,
/// ICLR 2025), from its description: a partition of the fleet into well connected groups of equal memory, groups divided
/// between the phases, the flow of requests over the network, and devices moved and exchanged between groups as long as the
/// flow grows, from groups that it leaves idle to those that limit it.
///
/// Not published, and chosen here: how many groups there are (every number is tried, on fleets that hold more than eight
/// replicas some), in which order exchanges are tried and when the search ends (`evaluations`). Tensor parallelism within
/// a group is left out, as no system here has it; the layers of a pipeline suit its devices as those of the default planner
/// do. Requests are routed by least backlog, not in proportion to the flow.
struct FlowGuidedSearch {
    private let instance: PlanningInstance
    private var table: GroupTable
    private let roles: RoleChoice
    private var remaining: Int

    /// Groupings that are evaluated for one number of groups, times the number of devices.
    private static let evaluations = 2400
    private static let mostNumbers = 7

    init(_ instance: PlanningInstance) throws(PlanningError) {
        var limits = instance.limits
        limits.roles = .split
        self.instance = try PlanningInstance(
            cost: instance.cost, demand: instance.demand, limits: limits, kvType: instance.kvType)
        table = GroupTable(
            self.instance, orders: StageOrders(instance: self.instance, endsTried: 2, largestComplete: 4))
        roles = RoleChoice(instance: self.instance, mostTrials: 30)
        remaining = 0
    }

    /// The best plan for every number of groups, best first; none where the fleet cannot be split.
    mutating func plans(_ routes: inout KVRoutes) -> [PlacedGroups] {
        let partition = BandwidthPartition(instance)
        var plans: [PlacedGroups] = []
        for number in numbers {
            remaining = max(40, Self.evaluations / instance.count)
            let start = partition.groups(number)
            if let plan = improved(start, &routes), plan.rate > 0 { plans.append(plan) }
        }
        return plans.sorted { $0.rate > $1.rate }
    }

    /// Numbers of groups: from two to as many as there is memory for.
    private var numbers: [Int] {
        let model = instance.cost.model
        let replica =
            model.bytesTotal + model.layers * model.kvBytesPerTokenPerLayer * instance.decodeTokens[1]
        let memory = instance.cost.devices.reduce(0) { $0 + $1.memoryBytes }
        let most = min(instance.count, memory / max(1, replica))
        guard most >= 2 else { return instance.count >= 2 ? [2] : [] }
        guard most - 1 > Self.mostNumbers else { return Array(2...most) }
        let steps = (0..<Self.mostNumbers).map { 2 + (most - 2) * $0 / (Self.mostNumbers - 1) }
        return Array(Set(steps)).sorted()
    }

    private mutating func plan(_ groups: [[Int]], _ routes: inout KVRoutes) -> PlacedGroups? {
        remaining -= 1
        let plans = roles.plans(groups.filter { !$0.isEmpty }, &table, &routes)
        return plans.max { $0.rate < $1.rate }
    }

    private mutating func improved(_ start: [[Int]], _ routes: inout KVRoutes) -> PlacedGroups? {
        var groups = start
        var best = plan(groups, &routes)
        var isBetter = true
        while isBetter, remaining > 0 {
            isBetter = false
            for change in changes(groups, best) where remaining > 0 {
                guard let trial = plan(change, &routes), trial.rate > (best?.rate ?? 0) * (1 + 1e-6) else { continue }
                (groups, best, isBetter) = (change, trial, true)
                break
            }
        }
        return best
    }

    /// Groupings with one device moved, or two exchanged, between a group that the flow leaves idle and one that limits it.
    private func changes(_ groups: [[Int]], _ plan: PlacedGroups?) -> [[[Int]]] {
        let loads = groups.map { load($0, plan) }
        let order = groups.indices.sorted { (loads[$0], $0) < (loads[$1], $1) }
        var changes: [[[Int]]] = []
        for (place, idle) in order.enumerated() {
            for limiting in order[(place + 1)...].reversed() {
                for device in groups[idle] {
                    if groups[idle].count > 1 {
                        var moved = groups
                        moved[idle].removeAll { $0 == device }
                        moved[limiting] = (moved[limiting] + [device]).sorted()
                        changes.append(moved)
                    }
                    for other in groups[limiting] {
                        var exchanged = groups
                        exchanged[idle] = (exchanged[idle].filter { $0 != device } + [other]).sorted()
                        exchanged[limiting] = (exchanged[limiting].filter { $0 != other } + [device]).sorted()
                        changes.append(exchanged)
                    }
                }
            }
            // More than can be evaluated need not be listed.
            if changes.count > remaining { break }
        }
        return changes
    }

    /// The share of what a group can do that the flow asks of it; 0 for one without a role.
    private func load(_ members: [Int], _ plan: PlacedGroups?) -> Double {
        guard let plan, let index = plan.groups.firstIndex(where: { $0.order.sorted() == members }) else { return 0 }
        let flow = plan.flows.filter { $0.from == index || $0.to == index }.reduce(0) { $0 + $1.requestsPerSecond }
        return flow / plan.groups[index].rate
    }
}
