internal import CostModel
public import Domain
internal import Planning
public import Scenarios
internal import Scheduling
public import Simulation

/// A measured fleet with its traffic: what plans of a live comparison are made from, and what its runs are simulated with.
public struct LiveFleet: Sendable {
    private let fleet: SimulatedFleet
    private let stream: RequestStream
    private let seed: UInt64

    /// Takes a fleet as its profiler published it.
    ///
    /// - Throws: `noFleet` where it cannot be planned for.
    public init(_ fleet: Fleet, stream: RequestStream, seed: UInt64) throws(ExperimentError) {
        guard let model = fleet.model else { throw ExperimentError(.noFleet, "the fleet has no model") }
        do throws(CostError) {
            self.fleet = SimulatedFleet(
                name: "live", cost: try FleetCost(fleet: fleet, model: model), types: fleet.deviceTypes,
                sites: Dictionary(fleet.devices.map { ($0.id, $0.host) }) { first, _ in first })
        } catch {
            throw ExperimentError(.noFleet, "\(error)")
        }
        self.stream = stream
        self.seed = seed
    }

    /// The plan of a system at a rate.
    ///
    /// - Throws: `noFleet`, saying why the system cannot be deployed.
    public func plan(_ system: SimulatedSystem, rate: Double) throws(ExperimentError) -> PlacementPlan {
        let figures = stream.statistics
        let demand = PlanningDemand(
            rate: rate, promptTokens: figures.prompt.mean, outputTokens: figures.output.mean,
            longestRequestTokens: figures.total.max, arrivalVariation: figures.arrivalVariation,
            promptVariation: figures.prompt.variation, outputVariation: figures.output.variation)
        var conditions = SystemConditions()
        conditions.seed = seed
        conditions.lengthKnowledge = .limit
        conditions.batchesAsPlanned = system.hasServices
        if system.hasPaperPlanner { conditions.minimumTokensPerSecond = PlanningOptions().minimumTokensPerSecond }
        do throws(SimulationError) {
            var plan = try system.plan(fleet, demand, conditions).plan
            plan.id = PlanID("live-\(system.rawValue)")
            return plan
        } catch {
            throw ExperimentError(.noFleet, "\(error)")
        }
    }

    /// What a plan sustains in simulation, under the services as they are configured.
    ///
    /// - Throws: `invalidSettings` where it is no plan for the fleet.
    public func capacity(_ plan: PlacementPlan, _ settings: SimulationSettings) throws(ExperimentError) -> Double {
        do throws(SimulationError) {
            return try CapacitySearch().capacity(from: max(1e-3, plan.predictedRequestsPerSecond)) {
                rate throws(SimulationError) in
                try SimulatedServices(settings).run(
                    try SimulatedTraffic(stream, rate: rate).evenlySpaced, plan: plan, cost: fleet.cost)
            }
        } catch {
            throw ExperimentError(.invalidSettings, "\(error)")
        }
    }

    /// A measured run once more, simulated: same plan, same arrivals.
    ///
    /// - Throws: `invalidSettings` where it has no plan for the fleet.
    public func simulated(_ real: RunRecord, _ settings: SimulationSettings) throws(ExperimentError) -> RunRecord {
        guard let plan = real.plan else { throw ExperimentError(.invalidSettings, "the run has no plan") }
        let first = real.requests.map(\.arrival).min() ?? 0
        let traffic = SimulatedTraffic(
            name: real.workload, rate: real.rate,
            requests: real.requests.sorted { $0.arrival < $1.arrival }.map {
                SimulatedTraffic.Request(
                    id: $0.id, arrival: $0.arrival - first, promptTokens: $0.promptTokens,
                    outputTokens: max(1, $0.outputTokens))
            })
        do throws(SimulationError) {
            var record = try SimulatedServices(settings).run(traffic, plan: plan, cost: fleet.cost)
            (record.system, record.seed) = (real.system, real.seed)
            return record
        } catch {
            throw ExperimentError(.invalidSettings, "\(error)")
        }
    }
}
