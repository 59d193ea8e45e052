internal import Domain

/// Roles improved by changing one group's at a time, or by exchanging those of two groups, while the sustained rate grows.
struct RoleFlips {
    let values: [GroupValue]
    /// Most flows that are solved.
    let mostFlows: Int

    /// The groups in the order in which a plan has them, so that the rate found here is the plan's.
    static func flow(_ groups: [GroupOption], _ routes: inout KVRoutes) -> SystemFlow {
        SystemFlow(groups.sorted { $0.order.lexicographicallyPrecedes($1.order) }, routes: &routes)
    }

    /// Groups with improved roles.
    func improved(_ start: [ReplicaRole], _ routes: inout KVRoutes) -> [GroupOption] {
        var roles = start
        var groups = options(roles)
        var rate = Self.flow(groups, &routes).rate
        var remaining = mostFlows
        var improves = true
        func tryRoles(_ changed: [ReplicaRole]) {
            let trial = options(changed)
            // On a network without limits the rate is known at once; most changes end here.
            guard RoleChoice.relaxed(trial) > rate * (1 + 1e-9) else { return }
            remaining -= 1
            let flow = Self.flow(trial, &routes)
            if flow.rate > rate * (1 + 1e-9) { (groups, rate, roles, improves) = (trial, flow.rate, changed, true) }
        }
        while improves, remaining > 0 {
            improves = false
            for index in values.indices where remaining > 0 {
                var changed = roles
                changed[index] = roles[index] == .prefill ? .decode : .prefill
                tryRoles(changed)
            }
            guard !improves else { continue }
            for first in values.indices {
                for second in values.indices where second > first && remaining > 0 && roles[first] != roles[second] {
                    var changed = roles
                    changed.swapAt(first, second)
                    tryRoles(changed)
                }
            }
        }
        return groups
    }

    private func options(_ roles: [ReplicaRole]) -> [GroupOption] {
        zip(values, roles).compactMap { $0[$1] }
    }
}
