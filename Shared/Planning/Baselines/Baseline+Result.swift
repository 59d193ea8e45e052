public import CostModel
public import Domain

extension Baseline {
    /// The baseline's plan as an answer like that of the default planner; nothing is proved about it.
    ///
    /// With `trials` it is the best of its candidates in these, until `shouldStop`; without them the plan of the standard
    /// rules.
    ///
    /// - Throws: as `PlanningInstance.init`, and `noPlan`.
    public func result(
        cost: FleetCost, demand: PlanningDemand, limits: PlanningLimits = PlanningLimits(),
        types: [DeviceID: String] = [:], sites: [DeviceID: String] = [:], trials: BaselineTrials? = nil,
        shouldStop: () -> Bool = { false }
    ) throws(PlanningError) -> PlanningResult {
        let instance = try PlanningInstance(cost: cost, demand: demand, limits: limits)
        let placed: PlacedGroups
        var tried = 0
        if let trials {
            let candidates = try candidates(instance, types: types, sites: sites)
            (placed, tried) = withoutActuallyEscaping(shouldStop) { shouldStop in
                BaselineFinal(instance: instance, trials: trials, shouldStop: shouldStop).best(candidates)
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
