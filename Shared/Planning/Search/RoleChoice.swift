internal import Domain

/// The best roles for given groups: prefill groups are those that prefill best in proportion, as many as balance the
/// phases; then single changes of role while the sustained rate grows, network included.
struct RoleChoice {
    let instance: PlanningInstance
    /// Most changes of role whose flow is solved.
    var mostTrials = 60

    /// Plans for a grouping, one for each kind of role assignment that is allowed.
    func plans(_ grouping: [[Int]], _ table: inout GroupTable, _ routes: inout KVRoutes) -> [PlacedGroups] {
        let values = grouping.map { table.value($0) }
        let roles = instance.limits.roles
        var plans: [PlacedGroups] = []
        let mixed = values.compactMap(\.mixed)
        if roles != .split, !mixed.isEmpty { plans.append(PlacedGroups(mixed, instance, &routes)) }
        if roles != .mixed, let split = split(values) {
            plans.append(improved(split, values, [.prefill, .decode], &routes))
        }
        if roles == .any, let best = plans.max(by: { $0.rate < $1.rate }) {
            plans.append(improved(assignment(best, values), values, ReplicaRole.allCases, &routes))
        }
        return plans
    }

    /// The cut of the groups, in order of how much better they prefill than decode, that balances the phases best.
    private func split(_ values: [GroupValue]) -> [ReplicaRole?]? {
        let usable = values.indices.filter { values[$0].prefill != nil || values[$0].decode != nil }
        let order = usable.sorted { left, right in
            let first = (values[left].prefill?.rate ?? 0) * (values[right].decode?.rate ?? 0)
            let second = (values[right].prefill?.rate ?? 0) * (values[left].decode?.rate ?? 0)
            return first == second ? left < right : first > second
        }
        var prefill = 0.0
        var decode = order.reduce(0) { $0 + (values[$1].decode?.rate ?? 0) }
        var best = (rate: 0.0, cut: 0)
        for (place, index) in order.enumerated() {
            prefill += values[index].prefill?.rate ?? 0
            decode -= values[index].decode?.rate ?? 0
            if min(prefill, decode) > best.rate { best = (min(prefill, decode), place + 1) }
        }
        guard best.cut > 0 else { return nil }
        var roles = [ReplicaRole?](repeating: nil, count: values.count)
        for (place, index) in order.enumerated() {
            let role: ReplicaRole = place < best.cut ? .prefill : .decode
            if values[index][role] != nil { roles[index] = role }
        }
        return roles
    }

    private func assignment(_ plan: PlacedGroups, _ values: [GroupValue]) -> [ReplicaRole?] {
        values.map { value in plan.groups.first { $0 == value[$0.role] }?.role }
    }

    private func improved(
        _ start: [ReplicaRole?], _ values: [GroupValue], _ allowed: [ReplicaRole], _ routes: inout KVRoutes
    ) -> PlacedGroups {
        var roles = start
        var best = PlacedGroups(options(roles, values), instance, &routes)
        var trials = 0
        var improvedSince = true
        while improvedSince, trials < mostTrials {
            improvedSince = false
            for index in values.indices where trials < mostTrials {
                for role in allowed where role != roles[index] && values[index][role] != nil {
                    var changed = roles
                    changed[index] = role
                    let groups = options(changed, values)
                    // Without the network the rate is known at once; most changes end here.
                    guard Self.relaxed(groups) > best.rate * (1 + 1e-6) else { continue }
                    trials += 1
                    let plan = PlacedGroups(groups, instance, &routes)
                    if plan.rate > best.rate * (1 + 1e-6) { (best, roles, improvedSince) = (plan, changed, true) }
                }
            }
        }
        return best
    }

    private func options(_ roles: [ReplicaRole?], _ values: [GroupValue]) -> [GroupOption] {
        zip(roles, values).compactMap { role, value in role.flatMap { value[$0] } }
    }

    /// The rate that groups would sustain on a network without limits.
    static func relaxed(_ groups: [GroupOption]) -> Double {
        var (prefill, decode, mixed) = (0.0, 0.0, 0.0)
        for group in groups {
            switch group.role {
            case .prefill: prefill += group.rate
            case .decode: decode += group.rate
            case .mixed: mixed += group.rate
            }
        }
        return mixed + min(prefill, decode)
    }
}
