import CostModel
import Domain
import Testing

@testable import Planning

/// Gain against cost of moving between plans of devices that each hold the whole model.
@Suite struct MoveJudgeTests {
    private typealias Fleets = PlacementFleets

    private static func cost(_ devices: [(id: DeviceID, speed: Double)]) throws -> FleetCost {
        let model = Build.model(layers: 30, kvBytes: 4096)
        let costed = try devices.map {
            try Build.device($0.id, speed: $0.speed, memory: 5_000_000_000, model: model)
        }
        return try FleetCost(model: model, devices: costed, network: NetworkCost(links: []))
    }

    /// A plan of replicas of one device each.
    private static func plan(_ cost: FleetCost, _ replicas: [(device: DeviceID, role: ReplicaRole)]) -> PlacementPlan {
        let replicas = replicas.enumerated().map { index, entry in
            PlanReplica(
                id: ReplicaID("replica-\(index)"), role: entry.role,
                stages: [PlanStage(device: entry.device, layers: LayerRange(0, cost.model.layers))],
                decodeConcurrency: entry.role == .prefill ? 0 : 8, kvCapacityTokens: 100_000,
                predictedRequestsPerSecond: 1, predictedTokenGapSeconds: 0.01)
        }
        return PlacementPlan(
            id: PlanFingerprint.id(model: cost.model.digest, replicas: replicas, kvType: .f16),
            model: cost.model.digest,
            fleetVersion: 1, workload: WorkloadStatistics(), replicas: replicas, predictedRequestsPerSecond: 1,
            objective: 1, algorithm: "test")
    }

    private static func instance(_ cost: FleetCost, rate: Double) throws -> PlanningInstance {
        var demand = Fleets.demand
        demand.rate = rate
        return try PlanningInstance(cost: cost, demand: demand, limits: Fleets.limits())
    }

    @Test func aDeviceThatJoinsIsTakenUpAndALostOneLeft() throws {
        let pair = try Self.cost([("a", 4), ("b", 4)])
        let trio = try Self.cost([("a", 4), ("b", 4), ("c", 4)])
        let two = Self.plan(pair, [("a", .mixed), ("b", .mixed)])
        let three = Self.plan(trio, [("a", .mixed), ("b", .mixed), ("c", .mixed)])
        let rate = try Self.instance(pair, rate: 1).placed(two).rate
        let judge = try MoveJudge(try Self.instance(trio, rate: rate * 0.9))
        let joined = try judge.decide(from: two, to: three)
        #expect(joined.moves && joined.gainRequestSeconds > joined.cost.requestSeconds)
        // Replicas that stay go on; only the new device loads.
        #expect(joined.cost.loadBytes == trio.model.weightBytes(trio.model.allLayers))
        #expect(abs(joined.cost.stayingRate / rate - 1) < 1e-6 && joined.cost.requestSeconds < 1)
        let back = try judge.decide(from: three, to: two)
        #expect(!back.moves && abs(back.gainRequestSeconds + joined.gainRequestSeconds) < 1e-6)
        #expect(try judge.decide(from: three, to: three).reason == "it is the plan in force")

        let after = try MoveJudge(try Self.instance(pair, rate: rate * 0.9))
        let left = try after.decide(from: three, to: two)
        #expect(left.moves && left.reason.contains("device c of replica replica-2 is not there"))
        #expect(throws: PlanningError.self) { try after.decide(from: two, to: three) }
    }

    @Test func theGainMustExceedTheCostOverTheHorizon() throws {
        let cost = try Self.cost([("a", 4), ("b", 4)])
        let split = Self.plan(cost, [("a", .prefill), ("b", .decode)])
        let mixed = Self.plan(cost, [("a", .mixed), ("b", .mixed)])
        let question = try Self.instance(cost, rate: 1)
        let (before, after) = (try question.placed(split).rate, try question.placed(mixed).rate)
        #expect(after > before * 1.05)
        let instance = try Self.instance(cost, rate: before)
        let long = try MoveJudge(instance).decide(from: split, to: mixed)
        #expect(long.moves)
        // Nothing serves both phases while the prefill device becomes a decoder.
        #expect(long.cost.stayingRate == 0 && long.cost.seconds > 0 && long.cost.requestSeconds > 0)
        var hasty = MovingPolicy()
        hasty.horizonSeconds = 5
        hasty.loadBytesPerSecond = 1e6
        let short = try MoveJudge(instance, policy: hasty).decide(from: split, to: mixed)
        #expect(!short.moves && short.cost.requestSeconds > short.gainRequestSeconds)
        #expect(short.cost.seconds > long.cost.seconds)
        var demanding = MovingPolicy()
        demanding.leastGain = 100
        let small = try MoveJudge(instance, policy: demanding).decide(from: split, to: mixed)
        #expect(!small.moves && small.reason.contains("less than 10000 %"))
    }

    @Test func sequencesThatOutlastTheDrainAreCharged() throws {
        let cost = try Self.cost([("a", 0.1), ("b", 0.1)])
        let split = Self.plan(cost, [("a", .prefill), ("b", .decode)])
        let mixed = Self.plan(cost, [("a", .mixed), ("b", .mixed)])
        let rate = try Self.instance(cost, rate: 1).placed(split).rate
        let instance = try Self.instance(cost, rate: rate)
        var policy = MovingPolicy()
        policy.mostDrainSeconds = 0.5
        let quick = try MoveJudge(instance, policy: policy).decide(from: split, to: mixed).cost
        policy.mostDrainSeconds = 1e6
        let patient = try MoveJudge(instance, policy: policy).decide(from: split, to: mixed).cost
        #expect(quick.kvBytes > 0 && patient.kvBytes == 0)
        #expect(quick.seconds < patient.seconds)
    }

    @Test func aPolicyWithoutSenseIsRefused() throws {
        let instance = try Self.instance(try Self.cost([("a", 1)]), rate: 1)
        var policy = MovingPolicy()
        policy.loadBytesPerSecond = -1
        let error = #expect(throws: PlanningError.self) { try MoveJudge(instance, policy: policy) }
        #expect(error?.message.contains("load rate") == true)
    }

    @Test func plansThatCannotRunSayWhy() throws {
        let cost = try Self.cost([("a", 1), ("b", 1)])
        let instance = try Self.instance(cost, rate: 1)
        var foreign = Self.plan(cost, [("a", .mixed)])
        foreign.model = "sha256:other"
        var short = Self.plan(cost, [("a", .mixed)])
        short.replicas[0].stages[0].layers = LayerRange(0, 3)
        for (plan, word) in [(foreign, "another model"), (short, "covers 3 of 30 layers")] {
            let error = #expect(throws: PlanningError.self) { try instance.placed(plan) }
            #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
        }
    }
}
