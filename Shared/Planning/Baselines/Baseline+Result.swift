public import CostModel
public import Domain

extension Baseline {
    /// The baseline's plan as an answer like that of the default planner; nothing is proved about it.
    ///
    /// With a `trial`, under the baseline's own scheduler, it is the best of its candidates in trials, until `shouldStop`;
    /// without one the plan of the standard rules.
    ///
    /// - Throws: as `PlanningInstance.init`, and `noPlan`.
    public func result(
        cost: FleetCost, demand: PlanningDemand, limits: PlanningLimits = PlanningLimits(),
        types: [DeviceID: String] = [:], sites: [DeviceID: String] = [:], trial: (any PlanTrial)? = nil,
        shouldStop: () -> Bool = { false }
    ) throws(PlanningError) -> PlanningResult {
        let instance = try PlanningInstance(cost: cost, demand: demand, limits: limits)
        let placed: PlacedGroups
        var tried = 0
        if let trial {
            let candidates = try candidates(instance, types: types, sites: sites)
            (placed, tried) = withoutActuallyEscaping(shouldStop) { shouldStop in
                BaselineFinal(instance: instance, trial: trial, shouldStop: shouldStop).best(candidates)
            }
        } else {
            placed = try plan(instance, types: types, sites: sites)
        }
        var result = PlanningResult(
            instance: instance, placed: placed, upperBound: .infinity, isExact: false, relaxations: [],
            wasStopped: false)
        result.tried = tried
        return result
    }
}
