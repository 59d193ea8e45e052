public import CostModel
public import Domain

/// Plans in one process: search and partitioner together.
public enum PaperPlanner {
    /// The plan that the services would agree on.
    ///
    /// - Throws: see `GeneticSearch.init` and `GeneticSearch.plan`.
    public static func plan(
        cost: FleetCost, workload: WorkloadStatistics, options: PlanningOptions = PlanningOptions(), seed: UInt64,
        fleetVersion: UInt64 = 0
    ) throws(PlanningError) -> PlacementPlan {
        var search = try GeneticSearch(
            cost: cost, workload: workload, options: options, seed: seed, fleetVersion: fleetVersion)
        search.run(LayerPartitioner(cost: cost))
        return try search.plan()
    }
}
