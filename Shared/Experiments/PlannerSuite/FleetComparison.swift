internal import Domain
internal import Planning

/// Compares the default planner with all baselines on a generated fleet.
struct FleetComparison {
    /// Requests per second where no baseline has a plan that could say what is much.
    static let rateWithoutBaseline = 1.0

    let fleet: DrawnFleet
    let mode: SuiteMode
    let rateShare: Double
    let seconds: () -> Double

    func outcome() throws(ExperimentError) -> FleetOutcome {
        // What a baseline sustains does not depend on the rate of the demand.
        let instance: PlanningInstance
        do {
            instance = try fleet.instance(mode.baselineLimits, kvType: mode.kvType, rate: 1)
        } catch {
            throw ExperimentError(.invalidSettings, "\(fleet.name.label): \(error)")
        }
        let baselines = Baseline.Kind.allCases.map { plan($0, instance) }
        let best = baselines.compactMap(\.rate).max()
        let rate = best.map { $0 * rateShare } ?? Self.rateWithoutBaseline
        var outcome = FleetOutcome(
            fleet: fleet.name, mode: mode, demandRate: rate, planner: FleetOutcome.Plan(name: "planner"),
            baselines: baselines)
        let start = seconds()
        do {
            let result = try PlacementPlanner().plan(
                cost: fleet.cost, demand: SuiteTraffic.demand(rate: rate), limits: mode.plannerLimits)
            outcome.planner.rate = result.placed.rate
            outcome.upperBound = result.upperBound.isFinite ? result.upperBound : nil
        } catch {
            outcome.planner.problem = error.message
        }
        outcome.planner.seconds = seconds() - start
        return outcome
    }

    private func plan(_ kind: Baseline.Kind, _ instance: PlanningInstance) -> FleetOutcome.Plan {
        var entry = FleetOutcome.Plan(name: kind.rawValue)
        let start = seconds()
        do {
            entry.rate = try Baseline(kind).plan(instance, types: fleet.types, sites: fleet.sites).rate
        } catch {
            entry.problem = error.message
        }
        entry.seconds = seconds() - start
        return entry
    }
}
