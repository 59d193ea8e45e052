internal import Domain

/// Compares plans by what workers hold, not by the names that a search gave to replicas.
enum PlanMatching {
    /// The plan with the names of `current` for replicas whose stages are the same, so that requests on them go on. Other
    /// replicas never take a name that was taken: late messages about the old one must not be taken for the new one's.
    static func keepingIdentities(
        of current: [PlanReplica], in plan: PlacementPlan, taken: Set<ReplicaID>, number: Epoch
    ) -> PlacementPlan {
        var used = taken
        var result = plan
        for index in result.replicas.indices {
            let replica = plan.replicas[index]
            if let same = current.first(where: { $0.hasSameStages(as: replica) }) {
                result.replicas[index].id = same.id
                continue
            }
            var name = replica.id
            var attempt = 0
            while used.contains(name) {
                name = ReplicaID("\(replica.id)-\(number)" + (attempt == 0 ? "" : "-\(attempt)"))
                attempt += 1
            }
            used.insert(name)
            result.replicas[index].id = name
        }
        result.replicas.sort { $0.id < $1.id }
        return result
    }

    /// Whether two plans give every worker the same stage, every replica the same role, and both the same KV type.
    static func isSame(_ left: PlacementPlan, _ right: PlacementPlan) -> Bool {
        guard left.kvType == right.kvType, left.replicas.count == right.replicas.count else { return false }
        return left.replicas.allSatisfy { replica in
            right.replicas.contains { $0.role == replica.role && $0.hasSameStages(as: replica) }
        }
    }
}
