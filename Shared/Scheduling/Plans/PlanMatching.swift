internal import Domain

/// Compares plans by what workers hold, not by the names that a search gave to replicas.
enum PlanMatching {
    /// The plan with the names of `current` for replicas whose stages are the same, so that requests on them go on; other
    /// replicas that would clash with a kept name get a new one.
    static func keepingIdentities(of current: PlacementPlan, in plan: PlacementPlan, epoch: Epoch) -> PlacementPlan {
        var kept: [Int: ReplicaID] = [:]
        for (index, replica) in plan.replicas.enumerated() {
            if let same = current.replicas.first(where: { $0.hasSameStages(as: replica) }) { kept[index] = same.id }
        }
        let keptNames = Set(kept.values)
        let oldNames = Set(current.replicas.map(\.id))
        var taken = keptNames
        var result = plan
        for index in result.replicas.indices {
            if let name = kept[index] {
                result.replicas[index].id = name
                continue
            }
            var name = result.replicas[index].id
            var attempt = 0
            // A changed replica never takes an old name: late messages about the old one must not be taken for it.
            while taken.contains(name) || oldNames.contains(name) {
                name = ReplicaID(
                    "\(plan.replicas[index].id)-e\(epoch)" + (attempt == 0 ? "" : "-\(attempt)"))
                attempt += 1
            }
            taken.insert(name)
            result.replicas[index].id = name
        }
        result.replicas.sort { $0.id < $1.id }
        return result
    }

    /// Whether two plans give every worker the same stage and every replica the same role.
    static func isSame(_ left: PlacementPlan, _ right: PlacementPlan) -> Bool {
        guard left.replicas.count == right.replicas.count else { return false }
        return left.replicas.allSatisfy { replica in
            right.replicas.contains { $0.role == replica.role && $0.hasSameStages(as: replica) }
        }
    }
}
