public import CostModel
public import Domain

/// Decides whether a new plan is worth switching to: a switch costs loading weights and moving or recomputing KV caches, so
/// a plan must be better by a margin.
public struct PlanComparison: Sendable, Hashable {
    /// What to do, and why.
    public struct Decision: Sendable, Hashable {
        /// Whether to switch.
        public var switches: Bool
        /// Share by which the new plan is better; infinite where the current one cannot run.
        public var gain: Double
        /// The reason, for people.
        public var reason: String
    }

    /// Share of time per request (or, where that does not rise, of the sustained rate) that must be gained.
    public var threshold: Double

    /// Makes a comparison.
    public init(threshold: Double = 0.1) { self.threshold = threshold }

    /// Compares plans on the fleet as it is now, under the workload as it is now.
    ///
    /// - Throws: `invalidInput` where the workload makes no sense.
    public func decide(
        current: PlacementPlan?, candidate: PlacementPlan, cost: FleetCost, workload: WorkloadStatistics,
        options: PlanningOptions = PlanningOptions()
    ) throws(PlanningError) -> Decision {
        guard let new = try PlanAssessment(candidate, cost: cost, workload: workload, options: options) else {
            return Decision(switches: false, gain: 0, reason: "the new plan cannot run on the fleet")
        }
        guard let current else { return Decision(switches: true, gain: .infinity, reason: "no plan is in force") }
        if current.id == candidate.id {
            return Decision(switches: false, gain: 0, reason: "the new plan places everything as the current one")
        }
        guard current.model == candidate.model,
            let old = try PlanAssessment(current, cost: cost, workload: workload, options: options)
        else {
            return Decision(switches: true, gain: .infinity, reason: "the current plan can no longer run")
        }
        if old.meetsMinimumSpeed != new.meetsMinimumSpeed {
            let better = new.meetsMinimumSpeed
            return Decision(
                switches: better, gain: better ? .infinity : 0,
                reason: "only the \(better ? "new" : "current") plan reaches the minimum decode speed")
        }
        return decide(old, new, interval: 1 / max(workload.requestsPerSecond, 1e-6))
    }

    private func decide(_ old: PlanAssessment, _ new: PlanAssessment, interval: Double) -> Decision {
        let overloaded = max(old.excessSeconds, new.excessSeconds) > interval / 1000
        let time =
            overloaded
            ? 1 - (interval + new.excessSeconds) / (interval + old.excessSeconds)
            : 1 - new.requestSeconds / old.requestSeconds
        let rate = new.requestsPerSecond / old.requestsPerSecond - 1
        // A plan that is not slower but sustains more is worth having before the load comes.
        let gain = time >= 0 ? max(time, rate) : time
        let what = time >= 0 && rate > time ? "sustained rate" : overloaded ? "processing time" : "time per request"
        let percent = (gain * 1000).rounded() / 10
        let switches = gain >= threshold
        return Decision(
            switches: switches, gain: gain,
            reason: "\(what) gains \(percent) %, \(switches ? "at least" : "less than") the threshold of "
                + "\((threshold * 1000).rounded() / 10) %")
    }
}
