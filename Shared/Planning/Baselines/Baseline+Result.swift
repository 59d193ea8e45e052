public import CostModel
public import Domain

extension Baseline {
    /// The baseline's plan as an answer like that of the default planner; nothing is proved about it.
    ///
    /// - Throws: as `PlanningInstance.init`, and `noPlan`.
    public func result(
        cost: FleetCost, demand: PlanningDemand, limits: PlanningLimits = PlanningLimits(),
        types: [DeviceID: String] = [:], sites: [DeviceID: String] = [:]
    ) throws(PlanningError) -> PlanningResult {
        let instance = try PlanningInstance(cost: cost, demand: demand, limits: limits)
        return PlanningResult(
            instance: instance, placed: try plan(instance, types: types, sites: sites), upperBound: .infinity,
            isExact: false, relaxations: [], wasStopped: false)
    }
}
