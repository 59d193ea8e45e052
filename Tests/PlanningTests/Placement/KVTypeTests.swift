import CostModel
import Domain
import Testing

@testable import Planning

/// The KV type is a decision of the plan.
@Suite struct KVTypeTests {
    private typealias Fleets = PlacementFleets

    /// Two devices with so much memory beside the weights, over a slow link.
    private static func cost(room: Int, headDim: Int = 128, bytesPerSecond: Double = 1e6) throws -> FleetCost {
        var model = BaselineFleets.llama
        model.headDim = headDim
        let devices = try ["a", "b"].map { id in
            let cost = try RooflineCost(model: model, flops: 2e12, bytesPerSecond: 5e10, layerOverheadSeconds: 1e-5)
            return CostedDevice(
                id: DeviceID(id), memoryBytes: model.weightBytes(model.allLayers) + room,
                cost: DeviceCost(roofline: cost))
        }
        let links = [("a", "b"), ("b", "a")].map {
            LinkProfile(from: DeviceID($0.0), to: DeviceID($0.1), latencySeconds: 0.001, bytesPerSecond: bytesPerSecond)
        }
        return try FleetCost(model: model, devices: devices, network: NetworkCost(links: links))
    }

    private static func plan(_ cost: FleetCost, _ types: Set<KVType>, _ roles: PlanningLimits.Roles = .split) throws
        -> PlacementPlan
    {
        var limits = Fleets.limits(roles)
        limits.kvTypes = types
        return try PlacementPlanner().plan(cost: cost, demand: Fleets.demand, limits: limits)
            .placementPlan(algorithm: "test")
    }

    @Test func oneTypeIsChosenAndRecorded() throws {
        let cost = try Self.cost(room: 4_000_000_000)
        let free = try Self.plan(cost, [.f16, .q8_0])
        let plain = try Self.plan(cost, [.f16])
        #expect(free.kvType == .q8_0 && plain.kvType == .f16 && free.id != plain.id)
        #expect(free.predictedRequestsPerSecond > plain.predictedRequestsPerSecond * 1.5, "the link is what is short")
        for (small, large) in zip(free.replicas, plain.replicas) {
            let share = Double(small.kvCapacityTokens) / Double(large.kvCapacityTokens)
            #expect(abs(share - 64 / 34) < 0.01, "memory counts the same type")
        }
    }

    @Test func theTypeDecidesWhatFits() throws {
        let tokens = 2048
        let kv = BaselineFleets.llama.kvBytes(BaselineFleets.llama.allLayers, tokens: tokens)
        let cost = try Self.cost(room: kv * 3 / 4)
        #expect(try Self.plan(cost, [.f16, .q8_0], .mixed).kvType == .q8_0)
        #expect(throws: PlanningError.self) {
            var limits = Fleets.limits(.mixed)
            limits.kvTypes = [.f16]
            limits.longestRequestTokens = tokens
            // One device alone: two of them together would hold it.
            let alone = try FleetCost(model: cost.model, devices: [cost.devices[0]], network: cost.network)
            _ = try PlacementPlanner().plan(cost: alone, demand: Fleets.demand, limits: limits)
        }
    }

    @Test func headsThatDoNotFitForbidIt() throws {
        let cost = try Self.cost(room: 4_000_000_000, headDim: 80)
        #expect(try Self.plan(cost, [.f16, .q8_0]).kvType == .f16)
        let error = #expect(throws: PlanningError.self) { try Self.plan(cost, [.q8_0]) }
        #expect(error?.message.contains("80") == true)
    }

    @Test func thePlanInForceKeepsItsType() throws {
        let cost = try Self.cost(room: 4_000_000_000)
        let plain = try Self.plan(cost, [.f16])
        var demand = Fleets.demand
        demand.rate = plain.predictedRequestsPerSecond * 0.5
        let limits = Fleets.limits(.split)
        let kept = try PlacementPlanner().plan(cost: cost, demand: demand, limits: limits, inForce: plain)
        #expect(kept.instance.kvType == .f16)
        // More than it sustains: another type is worth the move.
        demand.rate = plain.predictedRequestsPerSecond * 1.3
        let other = try PlacementPlanner().plan(cost: cost, demand: demand, limits: limits, inForce: plain)
        #expect(other.instance.kvType == .q8_0 && other.move?.moves == true)
        // A type that is forbidden is left.
        var only = limits
        only.kvTypes = [.f16]
        let small = try Self.plan(cost, [.q8_0])
        #expect(
            try PlacementPlanner().plan(cost: cost, demand: demand, limits: only, inForce: small).instance.kvType
                == .f16)
    }
}
