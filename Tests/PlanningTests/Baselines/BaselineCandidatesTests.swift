import Domain
import Testing

@testable import Planning

/// What a baseline may try, and what it chooses.
@Suite("Baseline candidates") struct BaselineCandidatesTests {
    private typealias Fleets = BaselineFleets

    /// A GPU that lacks room for some layers, a weak board beside it, a strong laptop behind a slow link, and another board:
    /// merged by neighbourhood the GPU gets a board, merged by speed the laptop.
    private func home() throws -> Fleets.Question {
        try Fleets.toy(
            [
                Fleets.Device(id: "gpu", type: "gpu", flops: 20e12, memory: 800_000_000, bandwidth: 250e9),
                Fleets.Device(id: "laptop", type: "laptop", flops: 2e12, memory: 700_000_000),
                Fleets.Device(id: "pi1", type: "pi", flops: 1e11, memory: 450_000_000, bandwidth: 10e9),
                Fleets.Device(id: "pi2", type: "pi", flops: 1e11, memory: 350_000_000, bandwidth: 10e9),
            ],
            links: [("gpu", "laptop", 5e8), ("laptop", "pi1", 5e8), ("laptop", "pi2", 5e8)])
    }

    private func companions(_ plan: PlacedGroups, _ question: Fleets.Question) -> Set<String> {
        let group = plan.groups.map { Set(question.ids($0)) }.first { $0.contains("gpu") }
        return group?.subtracting(["gpu"]) ?? []
    }

    @Test func devicesAreMergedInSeveralOrders() throws {
        let question = try home()
        let ruled = try question.plan(.b0)
        #expect(companions(ruled, question) == ["pi1"])
        let plans = try Baseline(.b0).candidates(question.instance, types: question.types, sites: [:])
        #expect(plans[0].groups == ruled.groups, "the standard rules come first")
        #expect(plans.contains { companions($0, question) == ["laptop"] })
        #expect(plans.allSatisfy { $0.groups.allSatisfy { $0.role == .mixed } })
    }

    /// The trial decides, not the estimate.
    @Test func thePlanThatSustainsMostIsChosen() throws {
        struct Trial: PlanTrial {
            func sustainedRate(_ plan: PlacementPlan) -> Double? {
                let isWanted = plan.replicas.contains { Set($0.stages.map(\.device)) == ["gpu", "laptop"] }
                return isWanted ? 2 : 1
            }
            func times(_ plan: PlacementPlan, rate: Double) -> TrialTimes? { TrialTimes(waiting: 1, total: 2) }
        }
        let question = try home()
        let result = try Baseline(.b0).result(
            cost: question.instance.cost, demand: Fleets.demand, types: question.types,
            trials: BaselineTrials(quick: Trial(), thorough: Trial()))
        #expect(result.tried > 1)
        #expect(companions(result.placed, question) == ["laptop"])
    }

    /// Devices that are alike, so that every number of prefill groups is known by hand.
    @Test func rolesAreEnumerated() throws {
        let question = try Fleets.toy(Fleets.equal(6, "a", type: "a", flops: 2e12, memory: 950_000_000))
        let plans = try Baseline(.b2).candidates(question.instance, types: question.types, sites: [:])
        let numbers = plans.map { $0.groups.count { $0.role == .prefill } }
        #expect(Set(numbers).isSuperset(of: [1, 2, 3, 4, 5]))
        var rules = BaselineRules()
        rules.mostCandidates = 2
        let few = try Baseline(.b2, rules: rules).candidates(question.instance, types: question.types, sites: [:])
        #expect(few.count == 2)
    }

    @Test func plannersForUnequalDevicesHaveTheirRoles() throws {
        let question = try #require(try Fleets.generated(devices: 8, seed: 21))
        let split = try question.plan(.hexgen2)
        #expect(Set(split.groups.map(\.role)) == [.prefill, .decode])
        let pipelines = try question.plan(.helix)
        #expect(pipelines.groups.allSatisfy { $0.role == .mixed })
        for plan in [split, pipelines] {
            let devices = plan.groups.flatMap(\.order)
            #expect(Set(devices).count == devices.count && plan.rate > 0)
        }
        // On so small a fleet the largest flow is found: no other colocated plan exceeds it.
        let others = try Baseline(.b0).candidates(question.instance, types: question.types, sites: question.sites)
        for plan in others { #expect(plan.rate <= pipelines.rate * (1 + 1e-3)) }
        #expect(try question.plan(.hexgen2).groups == split.groups)
    }
}
