import CostModel
import Domain
import Scenarios

@testable import Planning

/// Questions about generated fleets for tests of the default planner.
enum PlacementFleets {
    static let demand = PlanningDemand(rate: 0.2, promptTokens: 800, outputTokens: 200)

    /// Limits without a minimum speed.
    static func limits(_ roles: PlanningLimits.Roles = .any, speed: Double = 0) -> PlanningLimits {
        var limits = PlanningLimits()
        limits.roles = roles
        limits.minimumTokensPerSecond = speed
        return limits
    }

    /// The costs of fleets that can hold Llama-3-8B, the seeds counted up from `seed`.
    static func costs(devices: Int, count: Int, seed: UInt64) throws -> [FleetCost] {
        var costs: [FleetCost] = []
        var seed = seed
        while costs.count < count {
            let cost = try FleetGenerator(deviceCount: devices, seed: seed).fleet().cost(BaselineFleets.llama)
            if (try? PlanningInstance(cost: cost, demand: demand, limits: limits())) != nil { costs.append(cost) }
            seed += 1
        }
        return costs
    }

    /// A question about a fleet.
    static func instance(_ cost: FleetCost, _ roles: PlanningLimits.Roles) throws -> PlanningInstance {
        try PlanningInstance(cost: cost, demand: demand, limits: limits(roles))
    }

    /// The most that any partition of the fleet into groups with roles sustains, found by trying all of them.
    static func bestRate(_ instance: PlanningInstance, roles: Set<ReplicaRole>) -> Double {
        var table = GroupTable(
            instance, orders: StageOrders(instance: instance, largestComplete: ExactSearch.mostDevices))
        var routes = KVRoutes(instance)
        var best = 0.0
        /// Every group idle, and in each role that it can take.
        func assign(_ groups: ArraySlice<[Int]>, _ chosen: [GroupOption]) {
            guard let group = groups.first else {
                best = max(best, SystemFlow(chosen, routes: &routes).rate)
                return
            }
            assign(groups.dropFirst(), chosen)
            let value = table.value(group)
            for role in roles {
                if let option = value[role] { assign(groups.dropFirst(), chosen + [option]) }
            }
        }
        func partition(_ device: Int, _ groups: [[Int]]) {
            guard device < instance.count else { return assign(groups[...], []) }
            partition(device + 1, groups + [[device]])
            for index in groups.indices {
                var larger = groups
                larger[index].append(device)
                partition(device + 1, larger)
            }
        }
        partition(0, [])
        return best
    }

    /// What is wrong with a plan; `nil` where nothing is.
    static func problem(_ placed: PlacedGroups, _ instance: PlanningInstance) -> String? {
        var used: Set<Int> = []
        for group in placed.groups {
            for device in group.order where !used.insert(device).inserted { return "device \(device) is used twice" }
            if group.layers.reduce(0, +) != instance.layers || group.layers.contains(where: { $0 < 1 }) {
                return "layers \(group.layers)"
            }
            if group.concurrency > instance.largestBatch { return "\(group.concurrency) sequences" }
            if group.role != .prefill, group.concurrency < 1 { return "no sequences" }
            let tokens =
                group.role == .prefill ? instance.prefillTokens : instance.decodeTokens[group.concurrency]
            for (place, layers) in group.layers.enumerated() {
                let (first, last) = (place == 0, place == group.order.count - 1)
                if layers > instance.capacity(group.order[place], tokens: tokens, first: first, last: last) {
                    return "\(layers) layers are more than device \(group.order[place]) has room for"
                }
            }
        }
        return placed.rate > 0 && placed.rate.isFinite ? nil : "rate \(placed.rate)"
    }
}
