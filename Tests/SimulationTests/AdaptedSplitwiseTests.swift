import CostModel
import Domain
import Planning
import Testing

@testable import Simulation

@Suite("The paper's adapted Splitwise") struct AdaptedSplitwiseTests {
    /// Devices that each hold the model; prompts take longer from the first to the last, decoding is the same.
    private static func fleet(_ speeds: [Double]) throws -> SimulatedFleet {
        let model = SampleFleets.model
        let ids = speeds.indices.map { DeviceID("d\($0)") }
        let costed = try zip(ids, speeds).map { id, flops in
            CostedDevice(
                id: id, memoryBytes: 2_000_000_000,
                cost: DeviceCost(
                    roofline: try RooflineCost(
                        model: model, flops: flops, bytesPerSecond: 50e9, layerOverheadSeconds: 1e-5)))
        }
        var links: [LinkProfile] = []
        for from in ids {
            for to in ids where to != from {
                links.append(LinkProfile(from: from, to: to, latencySeconds: 0.001, bytesPerSecond: 1e9))
            }
        }
        return SimulatedFleet(
            name: "unequal",
            cost: try FleetCost(model: model, devices: costed, network: NetworkCost(links: links)))
    }

    private static func demand(rate: Double, prompt: Double, output: Double) -> PlanningDemand {
        PlanningDemand(rate: rate, promptTokens: prompt, outputTokens: output, longestRequestTokens: 1024)
    }

    /// Prompts that the plan's replicas could compute in a second, by role.
    private static func speeds(_ plan: PlacementPlan, _ fleet: SimulatedFleet, _ role: ReplicaRole) -> [Double] {
        plan.replicas.filter { $0.role == role }.compactMap {
            fleet.cost.prefillEstimate($0.stages, tokens: 200).map { 1 / $0.cycleSeconds }
        }
    }

    /// Up to six replicas all roles are tried, beyond that cuts of their order.
    @Test(arguments: [
        [4e12, 2e12, 1e12], [4e12, 4e12, 2e12, 1e12], [8e12, 4e12, 3e12, 2e12, 1e12, 1e12, 1e12, 1e12],
    ])
    func fastestReplicasPrefill(flops: [Double]) throws {
        let fleet = try Self.fleet(flops)
        for (prompt, output) in [(200.0, 100.0), (500, 20), (50, 200)] {
            let plan = try SimulatedSystem.splitwiseAdapted.plan(
                fleet, Self.demand(rate: 1, prompt: prompt, output: output), SystemConditions()
            ).plan
            let prefill = try #require(Self.speeds(plan, fleet, .prefill).min())
            let decode = try #require(Self.speeds(plan, fleet, .decode).max())
            #expect(prefill >= decode * (1 - 1e-9), "\(plan.replicas)")
            #expect(!plan.replicas.contains { $0.role == .mixed })
        }
    }

    @Test func ruleIsTheOnlyDifference() throws {
        // Short prompts, long outputs: one slow device prefills enough, so the paper's planner may keep the fast ones for
        // decoding.
        let fleet = try Self.fleet([4e12, 4e12, 1e12])
        let demand = Self.demand(rate: 0.4, prompt: 50, output: 200)
        let free = try SimulatedSystem.paper.plan(fleet, demand, SystemConditions())
        let ruled = try SimulatedSystem.splitwiseAdapted.plan(fleet, demand, SystemConditions())
        #expect(free.plan.kvType == .f16 && ruled.plan.kvType == .f16)
        #expect(ruled.plan.objective >= free.plan.objective)
        #expect(ruled.plan.algorithm.hasPrefix("splitwise-adapted, genetic"))
        // Equal devices obey the rule whatever they do.
        let equal = try Self.fleet([2e12, 2e12, 2e12])
        let plans = try [SimulatedSystem.paper, .splitwiseAdapted].map {
            try $0.plan(equal, demand, SystemConditions()).plan.replicas
        }
        #expect(plans[0] == plans[1])
    }

    @Test func runsWithoutServices() throws {
        let fleet = try Self.fleet([4e12, 2e12, 1e12])
        let traffic = SampleFleets.traffic((0..<20).map { (Double($0), 200, 30) })
        let system = SimulatedSystem.splitwiseAdapted
        let plan = try system.plan(fleet, Self.demand(rate: 1, prompt: 200, output: 30), SystemConditions())
        let record = try system.run(traffic, on: plan, fleet: fleet, SystemConditions())
        #expect(record.system == "splitwise-adapted" && !system.hasServices && system.baseline == nil)
        #expect(record.requests.allSatisfy { $0.outcome == .finished })
        #expect(SampleFleets.problem(record) == nil)
    }

    /// The plan's concurrency bounds what decodes together where it is asked for, and only there.
    @Test func concurrencyOfThePlanIsKept() throws {
        let cost = try SampleFleets.cost(["p", "d"])
        var decoder = SampleFleets.replica("d", .decode, ["d"], cost)
        decoder.decodeConcurrency = 2
        let plan = SampleFleets.plan([SampleFleets.replica("p", .prefill, ["p"], cost), decoder])
        let traffic = SampleFleets.traffic((0..<6).map { _ in (0, 20, 200) })
        var settings = ReferenceSettings()
        func most() throws -> Int {
            let requests = try ReferenceServices(settings).run(traffic, plan: plan, cost: cost).requests
            return requests.map { request in
                requests.count { other in
                    guard let start = request.decodeStart, let from = other.decodeStart, let to = other.end else {
                        return false
                    }
                    return from <= start && start < to - 1e-9
                }
            }.max() ?? 0
        }
        #expect(try most() == 6)
        settings.keepsConcurrency = true
        #expect(try most() == 2)
    }
}
