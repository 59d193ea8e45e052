import ArgumentParser
import CostModel
import Domain
import Planning
import Scenarios
import Simulation
import Testing

@testable import CommandLineTool

/// One question, one answer, whoever asks.
@Suite struct PlanningTaskTests {
    private static func key(_ plan: PlacementPlan) -> [String] {
        plan.replicas.map { "\($0.role) " + $0.stages.map { "\($0.device) \($0.layers)" }.joined(separator: ", ") }
            .sorted()
    }

    private static func question() throws -> (SimulatedFleet, PlanningDemand) {
        let described = try FleetGenerator(deviceCount: 7, seed: 3).fleet()
        let model = try #require(ModelCatalogue.named("llama-3-8b-q4"))
        let demand = PlanningDemand(rate: 0.4, promptTokens: 500, outputTokens: 120, longestRequestTokens: 2048)
        return (SimulatedFleet(name: "drawn", cost: try described.cost(model)), demand)
    }

    @Test func theCommandAndTheSimulatorPlanTheSame() throws {
        let (fleet, demand) = try Self.question()
        let simulated = try SimulatedSystem.e2llm.plan(fleet, demand, SystemConditions()).plan
        let choices = try PlanningChoices.parse([])
        var task = PlanningTask(cost: fleet.cost, demand: demand, limits: try choices.limits)
        task.seed = choices.seed
        #expect(Self.key(try task.answer().plan) == Self.key(simulated))
    }

    /// Two graphics cards that hold half of the model each, and three boards that hold a third of it and need a minute for a
    /// prompt: by estimates the boards add to what the fleet sustains, in the trial nobody is served sooner by them.
    @Test func replicasThatNobodyShouldBeSentToStayOut() throws {
        func device(_ id: String, _ flops: Double, _ memory: Double, _ bandwidth: Double) -> String {
            #"{"id":"\#(id)","type":"\#(id.dropLast())","site":"s","access":"lan","flops_prefill":\#(flops),"#
                + #""flops_fp16":\#(flops),"flops_int8":\#(flops),"mem_bw_Bps":\#(bandwidth),"#
                + #""mem_usable_bytes":\#(Int(memory)),"layer_overhead_s":0.00004,"power_w":10}"#
        }
        let boards = ["pi1", "pi2", "pi3"]
        let ids = ["gpu1", "gpu2"] + boards
        let devices = ids.map {
            boards.contains($0) ? device($0, 1.2e11, 2.6e9, 1e10) : device($0, 2.2e13, 5e9, 2.7e11)
        }
        let nodes = ids.map { #"{"id":"\#($0)","kind":"device"}"# } + [#"{"id":"sw","kind":"switch"}"#]
        let links = ids.map {
            #"{"id":"L-\#($0)","a":"\#($0)","b":"sw","kind":"lan","bw_Bps":117500000,"lat_s":0.0002}"#
        }
        let text =
            #"{"name":"studio","gateway":"sw","devices":[\#(devices.joined(separator: ","))],"network":{"#
            + #""nodes":[\#(nodes.joined(separator: ","))],"links":[\#(links.joined(separator: ","))],"shared_media":[]}}"#
        let model = try #require(ModelCatalogue.named("llama-3-8b-q4"))
        let demand = PlanningDemand(rate: 1.5, promptTokens: 800, outputTokens: 170, longestRequestTokens: 2048)
        var task = PlanningTask(cost: try FleetFile.read(text.utf8).cost(model), demand: demand)
        func ofBoards(_ plan: PlacementPlan) -> Int {
            plan.replicas.count { $0.stages.allSatisfy { boards.contains($0.device.rawValue) } }
        }
        task.triesPlans = false
        #expect(ofBoards(try task.answer().plan) > 0, "by estimates they are worth it")
        task.triesPlans = true
        let plan = try task.answer().plan
        #expect(ofBoards(plan) == 0)
        #expect(Set(boards).isSubset(of: plan.idleDevices.map(\.rawValue)))
    }

    @Test(arguments: PlanningAlgorithm.allCases) func everyAlgorithmAnswers(_ algorithm: PlanningAlgorithm) throws {
        let (fleet, demand) = try Self.question()
        var task = PlanningTask(cost: fleet.cost, demand: demand)
        task.algorithm = algorithm
        task.triesPlans = false
        let first = try task.answer()
        #expect(!first.plan.replicas.isEmpty && first.move == nil)
        #expect(try task.answer().plan.id == first.plan.id)
        // A plan in force is weighed by all of them.
        task.inForce = first.plan
        #expect(try task.answer().move != nil)
    }

    @Test func rolesAreGivenUpOnlyWhereThatIsAllowed() throws {
        let (fleet, demand) = try Self.question()
        let one = try FleetCost(
            model: fleet.cost.model,
            devices: Array(fleet.cost.devices.sorted { $0.memoryBytes > $1.memoryBytes }.prefix(1)),
            network: fleet.cost.network)
        var task = PlanningTask(cost: one, demand: demand)
        task.limits.roles = .split
        task.limits.mayReduceContext = true
        task.triesPlans = false
        #expect(throws: PlanningError.self) { try task.answer() }
        task.mayChangeRoles = true
        let plan = try task.answer().plan
        #expect(plan.replicas.allSatisfy { $0.role == .mixed })
        #expect(plan.relaxations.contains { $0.hasPrefix("roles split are not possible") })
    }
}
