internal import Domain

/// Names of a plan's groups, the same that its replicas get: role and number in order of the first devices.
struct GroupNames {
    /// A name for every group.
    let names: [String]

    init(_ groups: [GroupOption]) {
        let width = "\(groups.count)".count
        var counts: [ReplicaRole: Int] = [:]
        names = groups.map { group in
            counts[group.role, default: 0] += 1
            let number = "\(counts[group.role] ?? 1)"
            return "\(group.role.rawValue)-" + String(repeating: "0", count: width - number.count) + number
        }
    }
}

extension PlanningResult {
    /// The names of the plan's groups, in their order.
    public var groupNames: [String] { GroupNames(placed.groups).names }
}
