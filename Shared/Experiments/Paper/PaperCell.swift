internal import Domain
internal import Simulation

/// One cell of the table with everything that decides it.
struct PaperCell {
    var workload: PaperWorkload
    var interval: Double
    var slowdown: Double
    var requests: Int
    var seed: UInt64
    /// Whether KV of the paper's systems travels while the prompt is computed.
    var streams = false
    /// Whether adapted Splitwise routes by estimated waits, as the paper's E2LLM does, instead of by tokens.
    var routesByWait = false
    /// Whether the default planner must keep the minimum decode speed.
    var minimumIsHard = true
    /// Whether the capacity of the plans is searched.
    var hasCapacity = false

    init(workload: PaperWorkload, interval: Double, settings: PaperSettings) {
        self.workload = workload
        self.interval = interval
        slowdown = settings.slowdowns.last ?? 1
        requests = settings.requests
        seed = settings.seed
    }

    /// Plans and runs a system.
    func outcome(_ system: SimulatedSystem) throws(ExperimentError) -> PaperOutcome {
        let fleet = try PaperFleet.fleet(workload, slowdown: slowdown)
        let traffic = try workload.traffic(interval: interval, count: requests, seed: seed)
        var outcome = PaperOutcome(
            workload: workload, interval: interval, slowdown: slowdown, requests: requests, system: system)
        let conditions = conditions(system)
        do throws(SimulationError) {
            let plan = try system.plan(fleet, workload.demand(traffic), conditions)
            let scheduler = routesByWait && system == .splitwiseAdapted ? SimulatedSystem.paper : system
            let record = try scheduler.run(traffic, on: plan, fleet: fleet, conditions)
            outcome.figures = PaperOutcome.Figures(record, minimumSpeed: PaperExperiment.minimumTokensPerSecond)
            if hasCapacity { outcome.capacity = try capacity(system, plan, fleet, conditions) }
        } catch {
            outcome.problem = error.message
        }
        return outcome
    }

    /// The paper's systems have what its summary says: whole f16 KV after prefill. The default planner and scheduler have all
    /// that they have.
    private func conditions(_ system: SimulatedSystem) -> SystemConditions {
        var conditions = SystemConditions()
        conditions.seed = seed
        conditions.minimumTokensPerSecond = PaperExperiment.minimumTokensPerSecond
        conditions.minimumIsHard = minimumIsHard
        conditions.largestBatch = PaperExperiment.largestBatch
        if system.hasPaperPlanner {
            conditions.streams = streams
            conditions.kvTypes = [.f16]
        }
        return conditions
    }

    private func capacity(
        _ system: SimulatedSystem, _ plan: SystemPlan, _ fleet: SimulatedFleet, _ conditions: SystemConditions
    ) throws(SimulationError) -> Double {
        var search = CapacitySearch()
        search.precision = 0.05
        return try search.capacity(from: max(1e-3, plan.plan.predictedRequestsPerSecond)) {
            rate throws(SimulationError) in
            let traffic: SimulatedTraffic
            do throws(ExperimentError) {
                // Queues show their growth only after many times as many requests as decode at once.
                traffic = try workload.traffic(interval: 1 / rate, count: max(400, requests), seed: seed)
            } catch {
                throw SimulationError(.invalidTraffic, error.message)
            }
            return try system.run(traffic, on: plan, fleet: fleet, conditions)
        }
    }
}
