internal import CostModel
public import Domain

extension PlanningInstance {
    /// A plan, whenever and by whom it was made, as groups of this instance: its stages and concurrency as they are, its rate
    /// and times as they are now.
    ///
    /// - Throws: `noPlan` where the plan cannot run on the fleet: the message says why.
    public func placed(_ plan: PlacementPlan) throws(PlanningError) -> PlacedGroups {
        if let problem = plan.problem(layers: layers) { throw cannotRun(plan, problem) }
        guard plan.model == cost.model.digest else { throw cannotRun(plan, "it was made for another model") }
        var groups: [GroupOption] = []
        do {
            for replica in plan.replicas { groups.append(try option(replica)) }
        } catch {
            throw cannotRun(plan, error.message)
        }
        var routes = KVRoutes(self)
        let placed = PlacedGroups(groups, self, &routes)
        guard placed.rate > 0 else { throw cannotRun(plan, "it does not serve both phases") }
        return placed
    }

    /// Whether the devices of a replica are there and can serve it.
    func canRun(_ replica: PlanReplica) -> Bool { (try? option(replica)) != nil }

    private func option(_ replica: PlanReplica) throws(PlanningError) -> GroupOption {
        var order: [Int] = []
        for stage in replica.stages {
            guard let index = index(stage.device) else {
                throw PlanningError(.noPlan, "device \(stage.device) of replica \(replica.id) is not there")
            }
            order.append(index)
        }
        // Plan files do not tell the concurrency.
        let rating = GroupRating(
            instance: self, concurrency: replica.decodeConcurrency > 0 ? replica.decodeConcurrency : nil)
        guard let option = rating.value(order, replica.stages.map(\.layers.count))[replica.role] else {
            throw PlanningError(
                .noPlan, "the devices of replica \(replica.id) lack memory, or measurements of its phases")
        }
        return option
    }

    private func cannotRun(_ plan: PlacementPlan, _ why: String) -> PlanningError {
        PlanningError(.noPlan, "plan \(plan.id) cannot run on the fleet: \(why)")
    }
}
