import CostModel
import Domain
import Testing

@testable import Planning

/// Bounds hold for plans that no search of ours would make: random groups, orders, layers and roles.
@Suite("Certificates") struct CertificateTests {
    private typealias Fleets = PlacementFleets

    /// A plan drawn at random; `nil` where it cannot run.
    private static func drawn(
        _ instance: PlanningInstance, roles: [ReplicaRole], _ routes: inout KVRoutes, _ random: inout SeededRandom
    ) -> PlacedGroups? {
        let rating = GroupRating(instance: instance)
        var rest = Array(0..<instance.count).shuffled(using: &random)
        var groups: [GroupOption] = []
        while !rest.isEmpty {
            let order = Array(rest.prefix(random.between(1, min(4, rest.count))))
            rest.removeFirst(order.count)
            // Layers in proportion to room, shifted a little: even splits hardly ever fit unequal devices.
            let rooms = order.map { Double(instance.capacity($0, tokens: 2048, first: false, last: false)) + 0.1 }
            let all = rooms.reduce(0, +)
            var layers = rooms.map { max(1, Int($0 / all * Double(instance.layers))) }
            while layers.reduce(0, +) < instance.layers { layers[random.below(layers.count)] += 1 }
            while layers.reduce(0, +) > instance.layers, let large = layers.indices.first(where: { layers[$0] > 1 }) {
                layers[large] -= 1
            }
            if layers.count > 1, layers[0] > 2, random.unit() < 0.5 {
                let moved = random.between(1, layers[0] - 1)
                layers[0] -= moved
                layers[1] += moved
            }
            guard let role = roles.randomElement(using: &random) else { continue }
            if let option = rating.value(order, layers)[role] { groups.append(option) }
        }
        let placed = PlacedGroups(groups, instance, &routes)
        return placed.rate > 0 ? placed : nil
    }

    @Test(arguments: [5, 7, 14]) func noRandomPlanExceedsTheBound(devices: Int) throws {
        var tried = 0
        for cost in try Fleets.costs(devices: devices, count: 4, seed: UInt64(700 + devices)) {
            for mode in [PlanningLimits.Roles.any, .split, .mixed] {
                var limits = Fleets.limits(mode)
                limits.kvTypes = [.f16]
                let result = try PlacementPlanner(objective: .throughput).plan(
                    cost: cost, demand: Fleets.demand, limits: limits)
                var routes = KVRoutes(result.instance)
                var random = SeededRandom(seed: UInt64(devices))
                let roles: [ReplicaRole] =
                    mode == .any ? ReplicaRole.allCases : mode == .split ? [.prefill, .decode] : [.mixed]
                for _ in 0..<150 {
                    guard let plan = Self.drawn(result.instance, roles: roles, &routes, &random) else { continue }
                    tried += 1
                    #expect(plan.rate <= result.upperBound * (1 + 1e-6), "\(mode): \(plan.groups)")
                    // On small fleets nothing is better than what was found, as far as a random plan can tell.
                    if devices <= 7 { #expect(plan.rate <= result.placed.rate * 1.002) }
                }
            }
        }
        #expect(tried > 300)
    }

    /// The bound for given groups holds for the groups with any layers.
    @Test func theNetworkBoundHoldsForEveryPlan() throws {
        var (tried, limited) = (0, 0)
        for cost in try Fleets.costs(devices: 6, count: 8, seed: 900) {
            let instance = try Fleets.instance(cost, .split)
            var routes = KVRoutes(instance)
            var table = GroupTable(
                instance, orders: StageOrders(instance: instance, largestComplete: ExactSearch.mostDevices))
            let bound = LayerFlowBound(instance)
            var random = SeededRandom(seed: 3)
            for _ in 0..<100 {
                guard let plan = Self.drawn(instance, roles: [.prefill, .decode], &routes, &random) else { continue }
                let members = plan.groups.map { group in
                    LayerFlowBound.Member(
                        role: group.role, devices: group.order.sorted(),
                        rate: table.value(group.order.sorted())[group.role]?.rate ?? 0)
                }
                #expect(plan.rate <= bound.most(members, &routes) * (1 + 1e-6))
                tried += 1
                if case .network = plan.limit { limited += 1 }
            }
        }
        #expect(tried > 100 && limited > 10, "\(tried), \(limited)")
    }

    /// Refined plans are sound and never worse.
    @Test func refinementKeepsPlansSound() throws {
        var improved = 0
        for cost in try Fleets.costs(devices: 6, count: 8, seed: 900) {
            let instance = try Fleets.instance(cost, .split)
            var routes = KVRoutes(instance)
            var random = SeededRandom(seed: 5)
            for _ in 0..<20 {
                guard let plan = Self.drawn(instance, roles: [.prefill, .decode], &routes, &random) else { continue }
                let refined = LayerRefinement(instance: instance).refined(plan, &routes)
                #expect(refined.rate >= plan.rate && Fleets.problem(refined, instance) == nil)
                if refined.rate > plan.rate * 1.01 { improved += 1 }
            }
        }
        #expect(improved > 0)
    }
}
