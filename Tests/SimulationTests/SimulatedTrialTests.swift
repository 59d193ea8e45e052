import CostModel
import Domain
import Planning
import Scenarios
import Simulation
import Synchronization
import Testing

@Suite struct SimulatedTrialTests {
    private let demand = PlanningDemand(rate: 0.3, promptTokens: 700, outputTokens: 150, longestRequestTokens: 2048)

    private func fleet() throws -> SimulatedFleet {
        let described = try FleetGenerator(deviceCount: 8, seed: 21).fleet()
        let model = try #require(ModelCatalogue.named("llama-3-8b-q4"))
        return SimulatedFleet(name: described.name, cost: try described.cost(model))
    }

    private func conditions(_ roles: PlanningLimits.Roles) -> SystemConditions {
        var conditions = SystemConditions()
        conditions.roles = roles
        conditions.triesPlans = false
        return conditions
    }

    /// One saturated run says about the same as a search for the largest rate with bounded queues.
    @Test(arguments: [PlanningLimits.Roles.mixed, .split])
    func theSustainedRateIsTheCapacity(roles: PlanningLimits.Roles) throws {
        let fleet = try fleet()
        let conditions = conditions(roles)
        let plan = try SimulatedSystem.e2llm.plan(fleet, demand, conditions)
        let trial = SimulatedTrial(cost: fleet.cost, demand: demand, limits: conditions.limits(.e2llm))
        let rate = try #require(trial.sustainedRate(plan.plan))
        let stream = try StreamGenerator(
            prompt: .init(median: 700 / 1.5.squareRoot(), mean: 700),
            output: .init(median: 150 / 2.0.squareRoot(), mean: 150),
            arrivals: .poisson, seed: 77
        ).stream(800)
        let capacity = try CapacitySearch().capacity(from: rate) { rate throws(SimulationError) in
            try SimulatedSystem.e2llm.run(
                try SimulatedTraffic(stream, rate: rate).evenlySpaced, on: plan, fleet: fleet, conditions)
        }
        #expect(abs(rate / capacity - 1) < 0.15, "\(rate) against \(capacity)")
    }

    @Test func aTrialIsRepeatable() throws {
        let fleet = try fleet()
        let conditions = conditions(.any)
        let plan = try SimulatedSystem.e2llm.plan(fleet, demand, conditions)
        let trial = SimulatedTrial(cost: fleet.cost, demand: demand, limits: conditions.limits(.e2llm))
        let first = try #require(trial.times(plan.plan, rate: 0.1))
        #expect(trial.times(plan.plan, rate: 0.1) == first)
        let crowded = try #require(trial.times(plan.plan, rate: 50))
        #expect(crowded.waiting > first.waiting && first.total > first.waiting)
        var other = plan.plan
        other.replicas[0].stages[0].device = "nobody"
        #expect(trial.sustainedRate(other) == nil)
    }

    @Test func theDefaultPlannerTriesPlans() throws {
        let fleet = try fleet()
        var conditions = conditions(.any)
        conditions.triesPlans = true
        let plan = try SimulatedSystem.e2llm.plan(fleet, demand, conditions)
        #expect(plan.plan.algorithm.contains("tried"))
        #expect(try SimulatedSystem.e2llm.plan(fleet, demand, conditions).plan.id == plan.plan.id)
    }

    /// Such plans come where the devices left can hold a model but not serve it; a simulated year of waiting is no trial.
    @Test(arguments: [1e-9, 0, -1, .nan, .infinity]) func aPlanThatServesNextToNothingIsNotRun(predicted: Double) throws
    {
        let fleet = try fleet()
        let conditions = conditions(.split)
        var plan = try SimulatedSystem.e2llm.plan(fleet, demand, conditions)
        plan.plan.predictedRequestsPerSecond = predicted
        let runs = Counter()
        var trial = SimulatedTrial(cost: fleet.cost, demand: demand, limits: conditions.limits(.e2llm))
        trial.shouldStop = {
            runs.add()
            return false
        }
        #expect(trial.sustainedRate(plan.plan) == 0)
        #expect(runs.value == 0)
    }

    /// KV travels at 1e8 simulated seconds and later.
    @Test(arguments: [1e-9, 2e-6, 1e-4]) func requestsMayBeFarApart(rate: Double) throws {
        let fleet = try fleet()
        let conditions = conditions(.split)
        let plan = try SimulatedSystem.e2llm.plan(fleet, demand, conditions)
        let trial = SimulatedTrial(cost: fleet.cost, demand: demand, limits: conditions.limits(.e2llm))
        let times = try #require(trial.times(plan.plan, rate: rate))
        #expect(times.total > times.waiting && times.total < 1000)
    }

    @Test func aTrialCanBeStopped() throws {
        let fleet = try fleet()
        let conditions = conditions(.any)
        let plan = try SimulatedSystem.e2llm.plan(fleet, demand, conditions)
        var trial = SimulatedTrial(cost: fleet.cost, demand: demand, limits: conditions.limits(.e2llm))
        let full = trial.times(plan.plan, rate: 0.1)
        let asked = Counter()
        trial.shouldStop = { asked.add() > 20 }
        #expect(trial.sustainedRate(plan.plan) == nil)
        #expect(trial.times(plan.plan, rate: 0.1) == nil)
        #expect(asked.value <= 23)
        // Asking changes nothing.
        trial.shouldStop = { false }
        #expect(trial.times(plan.plan, rate: 0.1) == full)
    }
}

private final class Counter: Sendable {
    private let count = Mutex(0)

    var value: Int { count.withLock { $0 } }

    @discardableResult func add() -> Int {
        count.withLock {
            $0 += 1
            return $0
        }
    }
}
