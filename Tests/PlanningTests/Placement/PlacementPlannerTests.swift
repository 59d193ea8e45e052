import CostModel
import Domain
import Testing

@testable import Planning

/// What the default planner promises.
@Suite("Default planner") struct PlacementPlannerTests {
    private typealias Fleets = PlacementFleets

    @Test(arguments: PlanningLimits.Roles.allCases)
    func plansAreSound(roles: PlanningLimits.Roles) throws {
        for cost in try Fleets.costs(devices: 7, count: 3, seed: 40) {
            let result = try PlacementPlanner().plan(cost: cost, demand: Fleets.demand, limits: Fleets.limits(roles))
            #expect(Fleets.problem(result.placed, result.instance) == nil)
            #expect(result.isExact || result.placed.rate >= result.upperBound * (1 - result.instance.limits.tolerance))
            let plan = result.placementPlan(algorithm: "default", fleetVersion: 3)
            #expect(plan.problem(layers: cost.model.layers) == nil)
            #expect(plan.replicas.map(\.id.rawValue).sorted() == result.groupNames.sorted())
            let placedRoles = Set(result.placed.groups.map(\.role))
            switch roles {
            case .any: break
            case .mixed: #expect(placedRoles == [.mixed])
            case .split: #expect(placedRoles == [.prefill, .decode])
            case .uniform: #expect(placedRoles == [.mixed] || placedRoles == [.prefill, .decode])
            }
        }
    }

    @Test func theSameQuestionHasTheSameAnswer() throws {
        let cost = try Fleets.costs(devices: 13, count: 1, seed: 60)[0]
        let plans = try (0..<2).map { _ in
            try PlacementPlanner(seed: 5).plan(cost: cost, demand: Fleets.demand, limits: Fleets.limits())
        }
        #expect(plans[0].placed.groups == plans[1].placed.groups)
        #expect(plans[0].upperBound == plans[1].upperBound)
        #expect(
            plans[0].placementPlan(algorithm: "a").id == plans[1].placementPlan(algorithm: "b").id,
            "an id depends on the placement alone")
    }

    /// The clock of this test goes on with every look at it.
    @Test(arguments: [1, 30, 1000])
    func aDeadlineEndsTheSearchWithTheBestSoFar(looks: Int) throws {
        let cost = try Fleets.costs(devices: 18, count: 1, seed: 70)[0]
        var seconds = 0.0
        let result = try PlacementPlanner().plan(
            cost: cost, demand: Fleets.demand, limits: Fleets.limits(), deadline: Double(looks)
        ) {
            seconds += 1
            return seconds
        }
        #expect(result.wasStopped)
        #expect(Fleets.problem(result.placed, result.instance) == nil)
        #expect(result.upperBound >= result.placed.rate)
    }

    @Test func aMinimumSpeedIsKeptOrRelaxedAloud() throws {
        let cost = try Fleets.costs(devices: 6, count: 1, seed: 90)[0]
        let free = try PlacementPlanner().plan(cost: cost, demand: Fleets.demand, limits: Fleets.limits())
        #expect(free.relaxations.allSatisfy { !$0.contains("minimum decode speed") })
        let quickest = free.placed.slowestTokensPerSecond
        var limits = Fleets.limits(speed: quickest * 1.05)
        limits.minimumIsHard = true
        do {
            let quick = try PlacementPlanner().plan(cost: cost, demand: Fleets.demand, limits: limits)
            #expect(quick.placed.meets(minimumTokensPerSecond: quickest * 1.05))
            #expect(quick.placed.rate <= free.upperBound * (1 + 1e-9))
        } catch {
            #expect(error.code == .noPlan && error.message.contains("minimum decode speed"))
        }
        limits.minimumTokensPerSecond = 1e6
        let error = #expect(throws: PlanningError.self) {
            try PlacementPlanner().plan(cost: cost, demand: Fleets.demand, limits: limits)
        }
        #expect(error?.message.contains("minimum decode speed") == true)
        limits.minimumIsHard = false
        let relaxed = try PlacementPlanner().plan(cost: cost, demand: Fleets.demand, limits: limits)
        #expect(relaxed.relaxations.contains { $0.contains("minimum decode speed") })
        #expect(relaxed.placed.rate >= free.placed.rate * 0.98)
    }

    @Test func moreThanThePlanSustainsIsSaid() throws {
        let cost = try Fleets.costs(devices: 5, count: 1, seed: 95)[0]
        var demand = Fleets.demand
        demand.rate = 1e4
        let result = try PlacementPlanner().plan(cost: cost, demand: demand, limits: Fleets.limits())
        #expect(result.relaxations.contains { $0.contains("less than the 10000 asked for") })
    }

    @Test func whatIsWrongIsNamed() throws {
        let cost = try Fleets.costs(devices: 5, count: 1, seed: 96)[0]
        func message(_ change: (inout PlanningDemand, inout PlanningLimits) -> Void) -> String {
            var (demand, limits) = (Fleets.demand, Fleets.limits())
            change(&demand, &limits)
            do {
                _ = try PlacementPlanner().plan(cost: cost, demand: demand, limits: limits)
                return "a plan"
            } catch { return error.message }
        }
        #expect(message { demand, _ in demand.rate = -1 }.contains("requests_per_s"))
        #expect(message { demand, _ in demand.promptTokens = .nan }.contains("mean_prompt_tokens"))
        #expect(message { _, limits in limits.largestBatch = 0 }.contains("largest batch"))
        #expect(message { _, limits in limits.kvTypes = [] }.contains("KV types"))
        #expect(message { _, limits in limits.chunkTokens = 0 }.contains("chunk"))
        let half = CostedDevice(id: "half", memoryBytes: cost.model.bytesTotal / 2, cost: cost.devices[0].cost)
        let tiny = try FleetCost(model: cost.model, devices: [half], network: cost.network)
        let error = #expect(throws: PlanningError.self) {
            try PlacementPlanner().plan(cost: tiny, demand: Fleets.demand, limits: Fleets.limits())
        }
        #expect(error?.code == .modelDoesNotFit)
    }
}
