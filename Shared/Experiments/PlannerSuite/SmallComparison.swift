internal import Domain
internal import Planning

/// Compares planner and heuristic search with the optimum of a small fleet. All of them maximise the sustained rate, so that
/// what the default objective gives up for less waiting does not count as a fault of the search.
struct SmallComparison {
    let fleet: DrawnFleet
    let mode: SuiteMode
    let seconds: () -> Double

    func outcome() throws(ExperimentError) -> SmallOutcome {
        var times = SmallOutcome.Seconds()
        let (exact, exactSeconds) = timed { plan(PlacementPlanner(objective: .throughput)) }
        let (heuristic, heuristicSeconds) = timed { plan(searchAlone) }
        (times.planner, times.heuristic) = (exactSeconds, heuristicSeconds)
        let planned = try exact.get()
        let searched = try heuristic.get()
        var reference = SmallOutcome.Reference.exactSearch
        var optimum = planned.map { max($0.placed.rate, $0.upperBound) } ?? 0
        if fleet.name.devices <= ExhaustivePlans.mostDevices {
            let (result, enumerationSeconds) = timed { enumerated() }
            let best = try result.get()
            times.enumeration = enumerationSeconds
            if planned.map({ Self.isOfTheNetwork($0.placed, best) }) == true {
                // Other layers than those that are best for a group by itself may use the network better: the planner's
                // bound counts them, the enumeration does not.
                optimum = max(optimum, best)
            } else {
                (reference, optimum) = (.enumeration, best)
            }
        }
        let bound = searched?.upperBound ?? .infinity
        return SmallOutcome(
            fleet: fleet.name, mode: mode, reference: reference, optimum: optimum,
            plannerRate: planned?.placed.rate ?? 0, isProved: planned?.isExact ?? false,
            heuristicRate: searched?.placed.rate ?? 0, certificate: bound.isFinite ? bound : nil, seconds: times)
    }

    /// Whether a plan is limited by the network, or was until its layers were suited to it.
    private static func isOfTheNetwork(_ placed: PlacedGroups, _ enumerated: Double) -> Bool {
        if case .network = placed.limit { return true }
        return placed.rate > enumerated * (1 + SmallSummary.tolerance)
    }

    private var searchAlone: PlacementPlanner {
        var planner = PlacementPlanner(objective: .throughput)
        planner.exactDevices = 0
        return planner
    }

    private func plan(_ planner: PlacementPlanner) -> Result<PlanningResult?, ExperimentError> {
        do {
            return .success(
                try planner.plan(cost: fleet.cost, demand: SuiteTraffic.demand(rate: 1), limits: mode.exactLimits))
        } catch {
            return error.code == .noPlan ? .success(nil) : .failure(refused(error))
        }
    }

    private func enumerated() -> Result<Double, ExperimentError> {
        do {
            let instance = try fleet.instance(mode.exactLimits, kvType: mode.kvType, rate: 1)
            return .success(ExhaustivePlans(instance, kinds: mode.kinds).bestRate)
        } catch {
            return .failure(refused(error))
        }
    }

    private func refused(_ error: PlanningError) -> ExperimentError {
        ExperimentError(.invalidSettings, "\(fleet.name.label): \(error)")
    }

    private func timed<Value>(_ body: () -> Value) -> (Value, Double) {
        let start = seconds()
        let value = body()
        return (value, seconds() - start)
    }
}
