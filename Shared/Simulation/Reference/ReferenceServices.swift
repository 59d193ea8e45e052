public import CostModel
public import Domain
internal import Scheduling

/// Services under the reference behaviour of the baselines: see `ReferenceRun`.
public struct ReferenceServices: Sendable {
    /// What they may use.
    public var settings: ReferenceSettings

    /// Makes services.
    public init(_ settings: ReferenceSettings = ReferenceSettings()) { self.settings = settings }

    /// Runs traffic on a plan. `progress` is called with the number of requests that have ended.
    ///
    /// - Throws: `invalidPlan`, `invalidSetting`, `invalidTraffic`.
    public func run(
        _ traffic: SimulatedTraffic, plan: PlacementPlan, cost: FleetCost, progress: (Int) -> Void = { _ in }
    ) throws(SimulationError) -> RunRecord {
        try traffic.check()
        let run = try ReferenceRun(plan: plan, cost: cost, traffic: traffic, settings: settings)
        run.run(progress: progress)
        var record = RunRecord(
            source: .simulated, system: "reference, \(settings.routing.rawValue)", model: cost.model.name,
            workload: traffic.name, rate: traffic.rate, plan: plan, requests: run.times)
        record.isOracle = settings.routing == .backlog && settings.lengthKnowledge == .exact
        var busy: [DeviceID: Double] = [:]
        for group in run.groups {
            for (stage, seconds) in zip(group.replica.stages, group.busy) { busy[stage.device, default: 0] += seconds }
        }
        record.measure(busy: busy, network: run.network.uses)
        record.timeline = run.recorder?.result(resources: run.network.uses.map { "\($0.resource)" })
        return record
    }
}
