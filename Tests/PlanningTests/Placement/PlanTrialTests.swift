import CostModel
import Domain
import Synchronization
import Testing

@testable import Planning

/// Choosing among plans that were tried out.
@Suite("Plan trials") struct PlanTrialTests {
    private typealias Fleets = PlacementFleets

    /// Finds plans as good as their roles are liked.
    private final class Taste: PlanTrial {
        private let rate: @Sendable (Set<ReplicaRole>) -> Double?
        private let seconds: @Sendable (Set<ReplicaRole>) -> Double
        let seen = Mutex<[Set<ReplicaRole>]>([])
        let rates = Mutex<[Double]>([])

        init(
            rate: @escaping @Sendable (Set<ReplicaRole>) -> Double?,
            seconds: @escaping @Sendable (Set<ReplicaRole>) -> Double = { _ in 1 }
        ) {
            (self.rate, self.seconds) = (rate, seconds)
        }

        func sustainedRate(_ plan: PlacementPlan) -> Double? {
            let roles = Set(plan.replicas.map(\.role))
            seen.withLock { $0.append(roles) }
            return rate(roles)
        }

        func times(_ plan: PlacementPlan, rate: Double) -> TrialTimes? {
            rates.withLock { $0.append(rate) }
            return TrialTimes(waiting: seconds(Set(plan.replicas.map(\.role))), total: 1)
        }
    }

    private func roles(
        _ trial: Taste?, objective: PlanObjective = .waiting, demand: Double = 5
    ) throws -> Set<ReplicaRole> {
        let cost = try Fleets.costs(devices: 7, count: 1, seed: 40)[0]
        var planner = PlacementPlanner(objective: objective)
        planner.trial = trial
        var traffic = Fleets.demand
        traffic.rate = demand
        let result = try planner.plan(cost: cost, demand: traffic, limits: Fleets.limits())
        #expect(Fleets.problem(result.placed, result.instance) == nil)
        #expect((result.tried > 0) == (trial != nil && objective == .waiting))
        return Set(result.placed.groups.map(\.role))
    }

    @Test(arguments: [[ReplicaRole.mixed], [.prefill, .decode]])
    func theHighestRateWins(liked: [ReplicaRole]) throws {
        let trial = Taste(rate: { $0 == Set(liked) ? 2 : 1 })
        #expect(try roles(trial) == Set(liked))
        #expect(Set(trial.seen.withLock { $0 }).count > 1, "plans of several kinds are tried")
    }

    @Test(arguments: [[ReplicaRole.mixed], [.prefill, .decode]])
    func aLittleRateIsGivenUpForLessWaiting(liked: [ReplicaRole]) throws {
        let quick = Taste(rate: { $0 == Set(liked) ? 0.97 : 1 }, seconds: { $0 == Set(liked) ? 1 : 9 })
        #expect(try roles(quick) == Set(liked))
        #expect(quick.rates.withLock { $0.allSatisfy { $0 == 0.9 } }, "below saturation")
        let slight = Taste(rate: { $0 == Set(liked) ? 0.93 : 1 }, seconds: { $0 == Set(liked) ? 1 : 1.2 })
        #expect(try roles(slight) != Set(liked))
        let slow = Taste(rate: { $0 == Set(liked) ? 0.8 : 1 }, seconds: { $0 == Set(liked) ? 0 : 1000 })
        #expect(try roles(slow) != Set(liked))
    }

    /// Where little is asked for, capacity beyond it counts for nothing.
    @Test(arguments: [[ReplicaRole.mixed], [.prefill, .decode]])
    func whatServesTheDemandBestWinsUnderLightLoad(liked: [ReplicaRole]) throws {
        let quick = Taste(rate: { $0 == Set(liked) ? 0.6 : 1 }, seconds: { $0 == Set(liked) ? 1 : 1.2 })
        #expect(try roles(quick, demand: 0.4) == Set(liked))
        #expect(quick.rates.withLock { $0.allSatisfy { $0 == 0.4 } }, "at the demand")
        #expect(try roles(quick, demand: 0.8) != Set(liked))
        let short = Taste(rate: { $0 == Set(liked) ? 0.4 : 1 }, seconds: { $0 == Set(liked) ? 0 : 1000 })
        #expect(try roles(short, demand: 0.4) != Set(liked), "it has no room for a burst")
    }

    @Test func estimatesDecideWhereNothingCanBeTried() throws {
        let cost = try Fleets.costs(devices: 7, count: 1, seed: 40)[0]
        let plain = try PlacementPlanner().plan(cost: cost, demand: Fleets.demand, limits: Fleets.limits())
        var planner = PlacementPlanner()
        planner.trial = Taste(rate: { _ in nil })
        let untried = try planner.plan(cost: cost, demand: Fleets.demand, limits: Fleets.limits())
        #expect(untried.placed.groups == plain.placed.groups && untried.tried == 0)
        #expect(untried.algorithm(seed: 3) == "default (seed 3)")
        _ = try roles(Taste(rate: { _ in 1 }), objective: .throughput)
    }

    @Test func aPlanInForceStaysWhereItTriesBest() throws {
        let cost = try Fleets.costs(devices: 7, count: 1, seed: 40)[0]
        for liked in [Set<ReplicaRole>([.mixed]), [.prefill, .decode]] {
            let trial = Taste(rate: { $0 == liked ? 2 : 1 })
            var planner = PlacementPlanner()
            planner.trial = trial
            let first = try planner.plan(cost: cost, demand: Fleets.demand, limits: Fleets.limits())
                .placementPlan(algorithm: "test")
            let again = try planner.plan(
                cost: cost, demand: Fleets.demand, limits: Fleets.limits(), inForce: first)
            #expect(again.move?.moves == false)
            #expect(again.placementPlan(algorithm: "test").id == first.id)
        }
    }
}
