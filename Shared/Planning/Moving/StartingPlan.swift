internal import Domain

/// The plan in force as the start of a search.
struct StartingPlan {
    /// What is left of the plan.
    private enum Rest {
        /// All of it.
        case whole(PlacedGroups)
        /// Replicas that serve both phases without the others.
        case part(PlacedGroups, why: String)
        /// Nothing that could serve.
        case nothing(why: String)
    }

    /// Groupings from which the search starts: the one in force, as far as its devices are there, with every idle device
    /// alone, and with all of them together.
    let groupings: [[[Int]]]

    /// The question with the KV type of the plan.
    let own: PlanningInstance
    private let instance: PlanningInstance
    private let judge: MoveJudge
    private let rest: Rest

    /// Looks at a plan; one whose KV type is not allowed any more is left.
    init(
        _ plan: PlacementPlan, _ instance: PlanningInstance, _ policy: MovingPolicy, isAllowed: Bool
    ) throws(PlanningError) {
        self.instance = instance
        var judge = try MoveJudge(instance, policy: policy)
        // A fleet that cannot hold the model in the type of the plan has nothing left of it.
        let own = (try? judge.instance(of: plan)) ?? instance
        (self.own, self.judge) = (own, judge)
        rest = Self.rest(plan, own, isAllowed: isAllowed)
        let groups = plan.replicas.map { $0.stages.compactMap { instance.index($0.device) } }.filter { !$0.isEmpty }
        let used = Set(groups.joined())
        let idle = (0..<instance.count).filter { !used.contains($0) }
        groupings = idle.isEmpty ? [groups] : [groups, groups + idle.map { [$0] }, groups + [idle]]
    }

    /// What is left of a plan on a fleet.
    private static func rest(_ plan: PlacementPlan, _ instance: PlanningInstance, isAllowed: Bool) -> Rest {
        guard isAllowed else {
            return .nothing(why: "plan \(plan.id) keeps KV as \(plan.kvType.rawValue), which is not allowed")
        }
        do {
            return .whole(try instance.placed(plan))
        } catch {
            var part = plan
            part.replicas = plan.replicas.filter { instance.canRun($0) }
            return (try? instance.placed(part)).map { .part($0, why: error.message) } ?? .nothing(why: error.message)
        }
    }

    /// The plan in force, where all of it is left.
    var whole: PlacedGroups? { if case .whole(let groups) = rest { groups } else { nil } }

    /// The plan to have, and the decision about the move to it; candidates come best first and there is at least one.
    func choose(_ candidates: [PlacedGroups]) -> (plan: PlacedGroups, move: MoveDecision) {
        switch rest {
        case .whole(let inForce):
            return MoveChoice(instance: instance, judge: judge, inForce: inForce).best(candidates)
        case .part(let survivors, let why):
            return MoveChoice(instance: instance, judge: judge, inForce: survivors).best(candidates, because: why)
        case .nothing(let why): return (candidates[0], judge.decision(because: why))
        }
    }
}
