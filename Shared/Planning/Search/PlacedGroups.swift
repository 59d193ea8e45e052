internal import CostModel
internal import Domain

/// Groups with roles, and what they do together.
public struct PlacedGroups: Sendable {
    /// The groups, in the order of their first devices.
    public private(set) var groups: [GroupOption]
    /// Requests per second that the plan sustains.
    public private(set) var rate: Double
    /// Who sends how much to whom at saturation.
    public private(set) var flows: [PlanFlow]
    /// What is exhausted first.
    public private(set) var limit: PlanLimit
    /// Times at the rate of the demand.
    public private(set) var times: PredictedTimes

    init(_ groups: [GroupOption], _ instance: PlanningInstance, _ routes: inout KVRoutes) {
        let sorted = groups.sorted { $0.order.lexicographicallyPrecedes($1.order) }
        let flow = SystemFlow(sorted, routes: &routes)
        self.groups = sorted
        rate = flow.rate
        flows = flow.flows
        limit = flow.limit
        times = QueueModel(instance).times(sorted, flow)
    }

    /// The same groups, as many sequences on each, with keys and values kept as `type`; `nil` where memory is missing.
    func rerated(
        _ instance: PlanningInstance, keeping type: KVType
    ) -> (instance: PlanningInstance, placed: PlacedGroups)? {
        guard
            let other = try? PlanningInstance(
                cost: instance.cost, demand: instance.demand, limits: instance.limits, kvType: type)
        else { return nil }
        var same: [GroupOption] = []
        for group in groups {
            let rating = GroupRating(instance: other, concurrency: group.role == .prefill ? nil : group.concurrency)
            guard let option = rating.value(group.order, group.layers)[group.role],
                option.concurrency == group.concurrency
            else { return nil }
            same.append(option)
        }
        var routes = KVRoutes(other)
        return (other, PlacedGroups(same, other, &routes))
    }

    /// Whether every decoding request is at least as fast as asked for.
    func meets(minimumTokensPerSecond: Double) -> Bool {
        groups.allSatisfy { $0.role == .prefill || $0.tokenGap * minimumTokensPerSecond <= 1 + 1e-9 }
    }

    /// The longest sequence that a decoding group has room for when it has no other.
    func contextTokens(_ instance: PlanningInstance) -> Int {
        groups.filter { $0.role != .prefill }.map { group in
            var start = 0
            let stages = zip(group.order, group.layers).map { device, layers in
                defer { start += layers }
                return PlanStage(
                    device: instance.cost.devices[device].id, layers: LayerRange(start, start + layers))
            }
            return instance.cost.kvCapacityTokens(stages)
        }.max() ?? 0
    }

    /// The tokens per second of the slowest decoding group; infinite without one.
    var slowestTokensPerSecond: Double {
        groups.filter { $0.role != .prefill }.map { 1 / $0.tokenGap }.min() ?? .infinity
    }
}
