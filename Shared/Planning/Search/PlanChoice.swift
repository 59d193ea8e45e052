internal import CostModel
internal import Domain

/// Chooses among plans by an objective.
struct PlanChoice {
    let instance: PlanningInstance
    let objective: PlanObjective
    let powerWatts: [DeviceID: Double]

    /// Whether a plan may be chosen beside one of the best sustained rate.
    func isEligible(_ plan: PlacedGroups, best: Double) -> Bool {
        switch objective {
        case .throughput: plan.rate >= best * (1 - 1e-9)
        case .waiting, .firstToken: plan.rate >= best * (1 - instance.limits.tolerance)
        case .goodput, .energy: plan.rate >= min(best, instance.demand.rate * 1.05) * (1 - 1e-9)
        }
    }

    /// The plan with the least score; equal ones are settled by rate, then by their devices.
    func best(_ plans: [PlacedGroups]) -> PlacedGroups {
        let scored = plans.map { (plan: $0, score: score($0)) }
        return scored.min { left, right in
            if left.score != right.score { return left.score < right.score }
            if left.plan.rate != right.plan.rate { return left.plan.rate > right.plan.rate }
            return left.plan.groups.map(\.order).lexicographicallyPrecedes(right.plan.groups.map(\.order)) {
                $0.lexicographicallyPrecedes($1)
            }
        }?.plan ?? plans[0]
    }

    /// What is minimised.
    func score(_ plan: PlacedGroups) -> Double {
        switch objective {
        case .throughput: -plan.rate
        // Waiting counts twice: it is part of the whole time.
        case .waiting: plan.times.waiting + plan.times.total
        case .firstToken: plan.times.firstTokenP99
        case .goodput(let first, let token): -goodput(plan, first, token)
        case .energy: energyPerToken(plan)
        }
    }

    /// Requests per second within the limits: waits are taken as exponential, token gaps as those of each group.
    private func goodput(_ plan: PlacedGroups, _ firstToken: Double, _ token: Double) -> Double {
        let served = min(instance.demand.rate, plan.rate)
        let room = firstToken - plan.times.prefill
        guard room >= 0 else { return 0 }
        let wait = plan.times.prefillWait
        let inTime = wait > 0 ? 1 - Exponential.power(0.5, room / (wait * 0.693_147)) : 1
        let decoders = plan.groups.filter { $0.role != .prefill }
        let all = decoders.reduce(0) { $0 + $1.rate }
        let quick = decoders.filter { $0.tokenGap <= token }.reduce(0) { $0 + $1.rate }
        return all > 0 ? served * inTime * quick / all : 0
    }

    /// Joules per output token: the power of every device for as long as it computes.
    func energyPerToken(_ plan: PlacedGroups) -> Double {
        guard plan.rate > 0 else { return .infinity }
        var joules = 0.0
        let phases = (
            prefill: plan.groups.filter { $0.role == .prefill }.reduce(0) { $0 + $1.rate },
            decode: plan.groups.filter { $0.role == .decode }.reduce(0) { $0 + $1.rate },
            mixed: plan.groups.filter { $0.role == .mixed }.reduce(0) { $0 + $1.rate }
        )
        for group in plan.groups {
            let ofPhase =
                switch group.role {
                case .prefill: group.rate / phases.prefill * (plan.rate - phases.mixed)
                case .decode: group.rate / phases.decode * (plan.rate - phases.mixed)
                case .mixed: group.rate
                }
            let busy = GroupTimes(instance: instance, option: group).busySeconds
            for (place, device) in group.order.enumerated() {
                let power = powerWatts[instance.cost.devices[device].id] ?? 0
                joules += ofPhase / plan.rate * busy[place] * power
            }
        }
        return joules / max(1, instance.demand.outputTokens)
    }
}
