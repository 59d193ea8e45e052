internal import Domain

/// The placement of Helix (Mei et al., Helix: Serving Large Language Models over Heterogeneous GPUs and Network via Max-Flow,
/// ASPLOS 2025) as far as plans of replicas can express it: pipelines that serve both phases, with the largest flow of
/// requests through compute and hops.
///
/// Helix finds ranges of layers for every device by a mixed-integer program and gives every request a pipeline of its own,
/// drawn from the maximum flow. Here a device belongs to one pipeline, so the flow is the sum of what the pipelines sustain:
/// the best decomposition into pipelines, not pipelines that cross. The search of the default planner, restricted to mixed
/// replicas, takes the place of the program, whose time limit and pruning are not published in full; on fleets of up to
/// eight devices it is exact. Requests are routed by least backlog, not by weighted round robin over the flow.
struct PipelineFlowSearch {
    private let instance: PlanningInstance

    init(_ instance: PlanningInstance) throws(PlanningError) {
        var limits = instance.limits
        limits.roles = .mixed
        self.instance = try PlanningInstance(
            cost: instance.cost, demand: instance.demand, limits: limits, kvType: instance.kvType)
    }

    /// Plans of the largest flows, best first.
    func plans() -> [PlacedGroups] {
        var search = PlacementSearch(instance, seed: 1, exactDevices: 8) { false }
        search.run()
        return search.candidates.filter { $0.rate > 0 }.sorted { $0.rate > $1.rate }
    }
}
