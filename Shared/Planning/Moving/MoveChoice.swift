internal import Domain

/// Chooses the plan to move to: the one that gains most over the cost of the move, among candidates of the search and the
/// same candidates with replicas of the plan in force left as they are.
struct MoveChoice {
    let instance: PlanningInstance
    let judge: MoveJudge
    let inForce: PlacedGroups
    /// Most candidates that are weighed.
    var mostCandidates = 64

    /// The best plan and the decision about it; candidates come best first. The plan in force is the best where no move
    /// pays; the decision then gives the reason against the first candidate.
    func best(_ candidates: [PlacedGroups]) -> (plan: PlacedGroups, move: MoveDecision) {
        var best = (plan: inForce, move: judge.decide(from: inForce, to: candidates.first ?? inForce))
        best.move.moves = false
        for (plan, move) in weighed(candidates) where move.moves {
            if !best.move.moves || move.net > best.move.net + 1e-9 { best = (plan, move) }
        }
        return best
    }

    /// The best plan where what is left of the plan in force has to change, or to be stated as a plan, anyway.
    func best(_ candidates: [PlacedGroups], because reason: String) -> (plan: PlacedGroups, move: MoveDecision) {
        var best = (plan: inForce, move: judge.decide(from: inForce, to: inForce))
        for (plan, move) in weighed(candidates) where move.net > best.move.net + 1e-9 { best = (plan, move) }
        best.move.moves = true
        best.move.reason = reason
        return best
    }

    private func weighed(_ candidates: [PlacedGroups]) -> [(plan: PlacedGroups, move: MoveDecision)] {
        var routes = KVRoutes(instance)
        return candidates.prefix(mostCandidates).flatMap { candidate in
            [candidate, keeping(candidate, &routes)].compactMap { $0 }.map { ($0, judge.decide(from: inForce, to: $0)) }
        }
    }

    /// The candidate with the replicas in force wherever the same devices do the same; `nil` where that changes nothing.
    private func keeping(_ candidate: PlacedGroups, _ routes: inout KVRoutes) -> PlacedGroups? {
        guard !judge.changesType else { return nil }
        let groups = candidate.groups.map { group in
            let devices = Set(group.order)
            return inForce.groups.first { $0.role == group.role && Set($0.order) == devices } ?? group
        }
        return groups == candidate.groups ? nil : PlacedGroups(groups, instance, &routes)
    }
}
