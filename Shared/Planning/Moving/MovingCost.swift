internal import CostModel
internal import Domain
internal import Foundation

/// What it costs to move a running fleet from one plan to another.
///
/// The move drains the replicas that change (their requests finish, or are computed anew once `mostDrainSeconds` are over),
/// loads the weights that devices do not have yet, and only then lets new replicas in. Until then the replicas that stay
/// carry all of the traffic; what they cannot carry waits.
public struct MovingCost: Sendable, Hashable {
    /// Bytes of weights to load, over all devices.
    public var loadBytes = 0
    /// Bytes of KV cache of sequences that outlast the drain; they are computed anew on other replicas.
    public var kvBytes = 0
    /// Seconds from the start of the drain until the new plan serves.
    public var seconds = 0.0
    /// Requests per second that the replicas which stay sustain meanwhile.
    public var stayingRate = 0.0
    /// Seconds that all requests together wait longer because of the move.
    public var requestSeconds = 0.0
}

/// Estimates moves on an instance.
struct MovingEstimate {
    let instance: PlanningInstance
    let policy: MovingPolicy
    /// Whether all replicas are formed anew, because the KV type is another one.
    var changesType = false

    func cost(from old: PlacedGroups, to new: PlacedGroups) -> MovingCost {
        func stays(_ group: GroupOption) -> Bool {
            !changesType && new.groups.contains { Self.isSame($0, group) }
        }
        let staying = old.groups.filter { stays($0) }
        let leaving = old.groups.filter { !stays($0) }
        let loads = self.loads(old, new)
        var cost = MovingCost()
        cost.loadBytes = loads.reduce(0, +)
        let drain = drain(leaving, old)
        let context = Double(instance.contextTokens * instance.cost.model.kvBytesPerTokenPerLayer * instance.layers)
        cost.kvBytes = Int(drain.outlasting * context)
        cost.seconds = drain.seconds + Double(loads.max() ?? 0) / policy.loadBytesPerSecond
        let meanwhile = placed(staying)
        cost.stayingRate = meanwhile?.rate ?? 0
        cost.requestSeconds =
            drain.outlasting * new.times.prefill + backlog(cost, new.rate) + slower(cost, old, meanwhile)
        return cost
    }

    /// Whether requests on one replica can go on when it becomes the other.
    private static func isSame(_ left: GroupOption, _ right: GroupOption) -> Bool {
        left.role == right.role && left.order == right.order && left.layers == right.layers
    }

    private func placed(_ groups: [GroupOption]) -> PlacedGroups? {
        guard !groups.isEmpty else { return nil }
        var routes = KVRoutes(instance)
        let placed = PlacedGroups(groups, instance, &routes)
        return placed.rate > 0 ? placed : nil
    }

    /// What a worker of a device holds.
    private struct Holding: Hashable {
        var device: Int
        var worker: WorkerKind
        var layers: LayerRange
    }

    /// Bytes that every device of the new plan has to load.
    private func loads(_ old: PlacedGroups, _ new: PlacedGroups) -> [Int] {
        let there = Set(old.groups.flatMap(holdings))
        return new.groups.flatMap(holdings).filter { !there.contains($0) }
            .map { instance.cost.model.weightBytes($0.layers) }
    }

    private func holdings(_ group: GroupOption) -> [Holding] {
        var start = 0
        return zip(group.order, group.layers).map { device, layers in
            defer { start += layers }
            return Holding(
                device: device, worker: group.role.workerKind, layers: LayerRange(start, start + layers))
        }
    }

    /// The drain of replicas: outputs are taken as exponential, so that the longest of `n` takes `1 + ln n` times the mean.
    private func drain(_ leaving: [GroupOption], _ plan: PlacedGroups) -> (seconds: Double, outlasting: Double) {
        guard !leaving.isEmpty, plan.rate > 0 else { return (0, 0) }
        let share = min(1, leaving.reduce(0) { $0 + $1.rate } / plan.groups.reduce(0) { $0 + $1.rate })
        let busy = min(instance.demand.rate, plan.rate) * share
        let mean = plan.times.prefill + plan.times.decode + plan.times.stall
        let sequences = min(busy * mean, Double(leaving.reduce(0) { $0 + max(1, $1.concurrency) }))
        guard sequences > 0.01, mean > 0 else { return (0, 0) }
        let longest = mean * (sequences > 1 ? 1 + log(sequences) : sequences)
        guard longest > policy.mostDrainSeconds else { return (longest, 0) }
        return (policy.mostDrainSeconds, sequences * exp(-policy.mostDrainSeconds / mean))
    }

    /// Request-seconds of what piles up during the move and is worked off after it.
    private func backlog(_ cost: MovingCost, _ newRate: Double) -> Double {
        let rate = instance.demand.rate
        let piled = max(0, rate - cost.stayingRate) * cost.seconds
        guard piled > 0 else { return 0 }
        let spare = newRate - rate
        let workingOff = spare > 0 ? min(policy.horizonSeconds, piled / spare) : policy.horizonSeconds
        return piled * (cost.seconds + workingOff) / 2
    }

    /// Request-seconds by which the replicas that stay are slower than the whole plan was.
    private func slower(_ cost: MovingCost, _ old: PlacedGroups, _ meanwhile: PlacedGroups?) -> Double {
        guard let meanwhile, cost.seconds > 0 else { return 0 }
        var demand = instance.demand
        demand.rate = min(demand.rate, 0.95 * meanwhile.rate)
        let model = QueueModel(instance, demand: demand)
        let longer =
            model.times(meanwhile.groups, SystemFlow(meanwhile)).total - model.times(old.groups, SystemFlow(old)).total
        return max(0, longer) * demand.rate * cost.seconds
    }
}
