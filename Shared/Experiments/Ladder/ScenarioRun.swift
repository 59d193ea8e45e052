internal import Domain
internal import Planning
internal import Scenarios
internal import Simulation

/// A fleet, its traffic and what systems may use, ready to be simulated.
struct ScenarioRun {
    let fleet: SimulatedFleet
    let stream: RequestStream
    let conditions: SystemConditions
    private let statistics: StreamStatistics

    init(_ drawn: DrawnFleet, stream: RequestStream, conditions: SystemConditions) {
        fleet = SimulatedFleet(
            name: drawn.name.label, cost: drawn.cost, types: drawn.types, sites: drawn.sites)
        self.stream = stream
        self.conditions = conditions
        statistics = stream.statistics
    }

    /// The plan of a system for the stream at a rate; `nil` where the system cannot be deployed on the fleet.
    func plan(_ system: SimulatedSystem, rate: Double) -> SystemPlan? {
        let demand = PlanningDemand(
            rate: rate, promptTokens: statistics.prompt.mean, outputTokens: statistics.output.mean,
            longestRequestTokens: statistics.total.max, arrivalVariation: statistics.arrivalVariation,
            promptVariation: statistics.prompt.variation, outputVariation: statistics.output.variation)
        return try? system.plan(fleet, demand, conditions)
    }

    /// Runs the stream at a rate.
    func record(_ system: SimulatedSystem, on plan: SystemPlan, rate: Double) throws(ExperimentError) -> RunRecord {
        do throws(SimulationError) {
            return try system.run(try SimulatedTraffic(stream, rate: rate), on: plan, fleet: fleet, conditions)
        } catch {
            throw ExperimentError(.invalidSettings, "\(fleet.name), \(system.rawValue): \(error)")
        }
    }

    /// The largest rate at which a system's queues stay bounded, with requests at equal intervals.
    func capacity(_ system: SimulatedSystem, on plan: SystemPlan) throws(ExperimentError) -> Double {
        var search = CapacitySearch()
        search.precision = 0.01
        do throws(SimulationError) {
            return try search.capacity(from: max(1e-6, plan.plan.predictedRequestsPerSecond)) {
                rate throws(SimulationError) in
                try system.run(
                    try SimulatedTraffic(stream, rate: rate).evenlySpaced, on: plan, fleet: fleet, conditions)
            }
        } catch {
            throw ExperimentError(.invalidSettings, "\(fleet.name), \(system.rawValue): \(error)")
        }
    }
}

extension SuiteMode {
    /// What systems may use in this mode.
    var conditions: SystemConditions {
        var conditions = SystemConditions()
        if self == .off {
            conditions.streams = false
            conditions.kvTypes = [.f16]
            conditions.roles = .uniform
        }
        return conditions
    }
}
