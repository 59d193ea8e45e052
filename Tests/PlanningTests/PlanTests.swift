import CostModel
import Domain
import Planning
import Testing

@Suite struct PlanTests {
    private let workload = WorkloadStatistics()

    private func fleet(
        _ devices: [(id: DeviceID, speed: Double, memory: Int)], model: ModelDescription = Build.model(layers: 30)
    ) throws -> FleetCost {
        let links = devices.flatMap { from in
            devices.filter { $0.id != from.id }.map {
                LinkProfile(from: from.id, to: $0.id, latencySeconds: 0.0005, bytesPerSecond: 1e8)
            }
        }
        return try FleetCost(
            model: model,
            devices: devices.map { try Build.device($0.id, speed: $0.speed, memory: $0.memory, model: model) },
            network: NetworkCost(links: links))
    }

    @Test func oneDeviceIsOneMixedReplica() throws {
        let plan = try PaperPlanner.plan(cost: fleet([("only", 1, 300_000_000)]), workload: workload, seed: 1)
        #expect(plan.replicas.count == 1)
        #expect(plan.replicas[0].role == .mixed && plan.replicas[0].id == "mixed-1")
        #expect(plan.replicas[0].stages.map(\.layers) == [LayerRange(0, 30)])
        #expect(plan.problem(layers: 30) == nil)
        #expect(plan.relaxations.isEmpty)
    }

    /// Like the default local fleet: four unequal devices of which two hold the model alone and two only together.
    @Test(arguments: [0.05, 1, 10])
    func fourUnequalDevicesAreSplit(rate: Double) throws {
        let cost = try fleet([
            ("strong", 4, 220_000_000), ("medium", 2, 180_000_000), ("small", 1, 90_000_000), ("tiny", 0.5, 90_000_000),
        ])
        var workload = workload
        workload.requestsPerSecond = rate
        for seed in 0..<3 {
            let plan = try PaperPlanner.plan(cost: cost, workload: workload, seed: UInt64(seed))
            #expect(plan.replicas.allSatisfy { $0.role != .mixed })
            #expect(!plan.replicas(for: .prefill).isEmpty && !plan.replicas(for: .decode).isEmpty)
            #expect(plan.problem(layers: 30) == nil)
        }
    }

    @Test func memoryForcesTwoStages() throws {
        let cost = try fleet([
            ("strong", 4, 220_000_000), ("medium", 2, 90_000_000), ("small", 1, 90_000_000), ("tiny", 0.5, 60_000_000),
        ])
        let plan = try PaperPlanner.plan(cost: cost, workload: workload, seed: 1)
        #expect(plan.replicas.contains { $0.stages.count >= 2 })
        #expect(!plan.replicas(for: .prefill).isEmpty && !plan.replicas(for: .decode).isEmpty)
    }

    @Test func oneReplicaServesBothPhases() throws {
        let cost = try fleet([("a", 1, 90_000_000), ("b", 1, 90_000_000)])
        let plan = try PaperPlanner.plan(cost: cost, workload: workload, seed: 1)
        #expect(plan.replicas.map(\.role) == [.mixed])
        #expect(plan.relaxations.contains { $0.contains("only one replica") })
    }

    @Test func missingMemoryIsNamed() throws {
        let cost = try fleet([("a", 1, 50_000_000), ("b", 1, 20_000_000)])
        let error = #expect(throws: PlanningError.self) {
            try PaperPlanner.plan(cost: cost, workload: workload, seed: 1)
        }
        #expect(error?.code == .modelDoesNotFit)
        let missing = try #require(error?.missingBytes)
        // 92 MB of weights and 8.9 MB of KV for a mean request against 70 MB, a little lost to whole layers.
        #expect(missing > 30_000_000 && missing < 36_000_000)
        #expect(error?.message.contains("the fleet lacks \(Int((Double(missing) / 1e6).rounded(.up))) MB") == true)
        #expect(error?.message.contains("2 devices offer 70 MB") == true)
    }

    @Test func emptyFleetAndBadWorkloadAreRefused() throws {
        let none = try FleetCost(model: Build.model(), devices: [], network: NetworkCost(links: []))
        let error = #expect(throws: PlanningError.self) {
            try PaperPlanner.plan(cost: none, workload: workload, seed: 1)
        }
        #expect(error?.code == .noUsableDevice)
        var bad = workload
        bad.meanPromptTokens = .nan
        let cost = try fleet([("only", 1, 300_000_000)])
        let second = #expect(throws: PlanningError.self) { try PaperPlanner.plan(cost: cost, workload: bad, seed: 1) }
        #expect(second?.code == .invalidInput && second?.message.contains("mean_prompt_tokens") == true)
    }

    @Test func relaxationsAreReported() throws {
        // Far too slow for 15 tokens/s: 30 layers of 3 ms.
        let slow = try PaperPlanner.plan(
            cost: fleet([("a", 0.1, 300_000_000), ("b", 0.1, 300_000_000)]), workload: workload, seed: 1)
        #expect(slow.relaxations.contains { $0.contains("15.0 tokens/s") && $0.contains("decode-1") })
        #expect(slow.replicas(for: .decode).allSatisfy { $0.predictedTokenGapSeconds > 1.0 / 15 })
        let fast = try PaperPlanner.plan(
            cost: fleet([("a", 4, 300_000_000), ("b", 4, 300_000_000)]), workload: workload, seed: 1)
        #expect(fast.relaxations.isEmpty)
        #expect(fast.replicas(for: .decode).allSatisfy { $0.predictedTokenGapSeconds <= 1.0 / 15 })
        let tight = try PaperPlanner.plan(cost: fleet([("a", 4, 110_000_000)]), workload: workload, seed: 1)
        #expect(tight.relaxations.contains { $0.contains("2048") && $0.contains("reduced") })
    }

    @Test func slowDevicesDoNotDecodeWhereFastOnesCan() throws {
        let cost = try fleet([("fast", 4, 300_000_000), ("slow", 0.1, 300_000_000)])
        let plan = try PaperPlanner.plan(cost: cost, workload: workload, seed: 1)
        #expect(plan.replicas(for: .decode).flatMap(\.stages).map(\.device) == ["fast"])
        #expect(plan.relaxations.isEmpty)
    }

    @Test func mixingIsChosenWhereLinksAreSlowAndItIsAllowed() throws {
        let model = Build.model(layers: 30, kvBytes: 65_536)
        let devices = try ["a", "b"].map {
            try Build.device(DeviceID($0), speed: 4, memory: 5_000_000_000, model: model)
        }
        let link = LinkProfile(from: "a", to: "b", latencySeconds: 0.01, bytesPerSecond: 1e6)
        let cost = try FleetCost(model: model, devices: devices, network: NetworkCost(links: [link]))
        var options = PlanningOptions()
        options.allowMixed = true
        let mixed = try PaperPlanner.plan(cost: cost, workload: workload, options: options, seed: 1)
        #expect(mixed.replicas.map(\.role) == [.mixed, .mixed])
        let split = try PaperPlanner.plan(cost: cost, workload: workload, seed: 1)
        #expect(Set(split.replicas.map(\.role)) == [.prefill, .decode])
        #expect(mixed.predictedRequestsPerSecond > split.predictedRequestsPerSecond)
    }

    @Test func equalPlacementsHaveEqualIds() throws {
        let cost = try fleet([("a", 4, 300_000_000), ("b", 2, 300_000_000)])
        let first = try PaperPlanner.plan(cost: cost, workload: workload, seed: 1, fleetVersion: 1)
        let second = try PaperPlanner.plan(cost: cost, workload: workload, seed: 2, fleetVersion: 2)
        #expect(first.id == second.id && first.id.rawValue.hasPrefix("plan-"))
        let other = try PaperPlanner.plan(
            cost: fleet([("a", 4, 300_000_000), ("c", 2, 300_000_000)]), workload: workload, seed: 1)
        #expect(other.id != first.id)
    }
}
