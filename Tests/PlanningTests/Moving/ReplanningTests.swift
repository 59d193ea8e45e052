import CostModel
import Domain
import Testing

@testable import Planning

/// The default planner with a plan in force.
@Suite struct ReplanningTests {
    private typealias Fleets = PlacementFleets

    @Test func thePlanOfTheSameFleetStays() throws {
        for devices in [5, 14] {
            let cost = try Fleets.costs(devices: devices, count: 1, seed: 200)[0]
            let first = try PlacementPlanner().plan(cost: cost, demand: Fleets.demand, limits: Fleets.limits())
            let inForce = first.placementPlan(algorithm: "test")
            let again = try PlacementPlanner(seed: 9).plan(
                cost: cost, demand: Fleets.demand, limits: Fleets.limits(), inForce: inForce)
            let move = try #require(again.move)
            #expect(!move.moves, "\(move)")
            #expect(again.placementPlan(algorithm: "test").id == inForce.id)
        }
    }

    @Test func aSearchThatIsStoppedAtOnceHasThePlanInForce() throws {
        let cost = try Fleets.costs(devices: 16, count: 1, seed: 80)[0]
        let best = try PlacementPlanner(objective: .throughput).plan(
            cost: cost, demand: Fleets.demand, limits: Fleets.limits())
        let again = try PlacementPlanner(objective: .throughput).plan(
            cost: cost, demand: Fleets.demand, limits: Fleets.limits(),
            inForce: best.placementPlan(algorithm: "test"), deadline: 1, elapsed: { 2 })
        #expect(again.wasStopped && again.placed.rate >= best.placed.rate * 0.98)
    }

    @Test func aLostDeviceForcesAMoveThatKeepsWhatItCan() throws {
        let cost = try Fleets.costs(devices: 12, count: 1, seed: 300)[0]
        let first = try PlacementPlanner().plan(cost: cost, demand: Fleets.demand, limits: Fleets.limits())
        let inForce = first.placementPlan(algorithm: "test")
        let lost = try #require(inForce.replicas.first?.stages.first?.device)
        let rest = try FleetCost(
            model: cost.model, devices: cost.devices.filter { $0.id != lost }, network: cost.network)
        let next = try PlacementPlanner().plan(
            cost: rest, demand: Fleets.demand, limits: Fleets.limits(), inForce: inForce)
        let move = try #require(next.move)
        #expect(move.moves && move.reason.contains("device \(lost)"))
        #expect(Fleets.problem(next.placed, next.instance) == nil)
    }

    /// Whatever the planner moves to, it would not move back from.
    @Test(arguments: [0.3, 0.9, 1.5]) func plansDoNotTakeTurns(load: Double) throws {
        for cost in try Fleets.costs(devices: 6, count: 3, seed: 400) {
            var limits = Fleets.limits(.split)
            let split = try PlacementPlanner().plan(cost: cost, demand: Fleets.demand, limits: limits)
            limits.roles = .any
            var demand = Fleets.demand
            demand.rate = split.placed.rate * load
            var inForce = split.placementPlan(algorithm: "test")
            var moves = 0
            while moves < 4 {
                let next = try PlacementPlanner().plan(cost: cost, demand: demand, limits: limits, inForce: inForce)
                let move = try #require(next.move)
                guard move.moves else { break }
                #expect(move.gainRequestSeconds > move.cost.requestSeconds)
                inForce = next.placementPlan(algorithm: "test")
                moves += 1
            }
            #expect(moves < 4)
        }
    }
}
