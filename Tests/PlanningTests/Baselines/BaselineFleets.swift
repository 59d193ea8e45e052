import CostModel
import Domain
import Scenarios

@testable import Planning

/// Fleets and models for tests of baselines.
enum BaselineFleets {
    /// The figures of Llama-3-8B in Q4.
    static let llama = ModelDescription(
        name: "llama-3-8b-q4", layers: 32, hidden: 4096, ffn: 14336, heads: 32, kvHeads: 8, headDim: 128,
        vocabulary: 128_256, maxContext: 8192, paramsPerLayer: 218_103_808, bytesPerLayer: 122_716_160,
        bytesEmbedding: 295_501_824, bytesHead: 430_956_544, bytesTotal: 4_653_375_488, kvBytesPerTokenPerLayer: 4096,
        activationBytesPerToken: 8192)

    /// Eight layers of 100 MB, 50 MB each for embedding and head, 1,000 bytes of KV per token and layer. With 4,096 tokens
    /// of KV a layer takes 104.096 MB: the whole model 932.768 MB, half of it with embedding or head 466.384 MB.
    static let toy = ModelDescription(
        name: "toy", layers: 8, hidden: 1024, ffn: 4096, heads: 8, kvHeads: 8, headDim: 128, vocabulary: 32_000,
        maxContext: 2048, paramsPerLayer: 170_000_000, bytesPerLayer: 100_000_000, bytesEmbedding: 50_000_000,
        bytesHead: 50_000_000, bytesTotal: 900_000_000, kvBytesPerTokenPerLayer: 1000, activationBytesPerToken: 2048)

    struct Device {
        var id: DeviceID
        var type: String?
        var flops: Double
        var memory: Int
        var bandwidth = 50e9
    }

    /// A question with everything that a baseline asks for.
    struct Question {
        var instance: PlanningInstance
        var types: [DeviceID: String]
        var sites: [DeviceID: String] = [:]

        func plan(_ kind: Baseline.Kind) throws(PlanningError) -> PlacedGroups {
            try Baseline(kind).plan(instance, types: types, sites: sites)
        }

        func ids(_ group: GroupOption) -> [String] { group.order.map { instance.cost.devices[$0].id.rawValue } }
    }

    static let demand = PlanningDemand(rate: 1, promptTokens: 500, outputTokens: 100)

    /// Devices of the toy model, 1 GB/s between all of them; `links` replaces some, both ways.
    static func toy(
        _ devices: [Device], links: [(String, String, Double)] = [], demand: PlanningDemand = demand
    ) throws -> Question {
        var profiles: [LinkProfile] = []
        for from in devices {
            for to in devices where to.id != from.id {
                let rate = links.first {
                    Set([$0.0, $0.1]) == Set([from.id.rawValue, to.id.rawValue])
                }?.2
                profiles.append(
                    LinkProfile(from: from.id, to: to.id, latencySeconds: 0.0002, bytesPerSecond: rate ?? 1e9))
            }
        }
        let costed = try devices.map { device in
            let roofline = try RooflineCost(
                model: toy, flops: device.flops, bytesPerSecond: device.bandwidth, layerOverheadSeconds: 1e-5)
            return CostedDevice(id: device.id, memoryBytes: device.memory, cost: DeviceCost(roofline: roofline))
        }
        let cost = try FleetCost(model: toy, devices: costed, network: NetworkCost(links: profiles))
        let types = devices.compactMap { device in device.type.map { (device.id, $0) } }
        return Question(
            instance: try PlanningInstance(cost: cost, demand: demand, kvType: .f16),
            types: Dictionary(uniqueKeysWithValues: types))
    }

    /// Devices `prefix1`, `prefix2`, ... that are alike.
    static func equal(
        _ count: Int, _ prefix: String, type: String?, flops: Double, memory: Int, bandwidth: Double = 50e9
    ) -> [Device] {
        (1...count).map {
            Device(id: DeviceID("\(prefix)\($0)"), type: type, flops: flops, memory: memory, bandwidth: bandwidth)
        }
    }

    /// A generated fleet with Llama-3-8B and lengths like those of the Azure conversation trace; `nil` where the fleet cannot
    /// hold the model.
    static func generated(devices: Int, seed: UInt64, kvType: KVType = .f16) throws -> Question? {
        let fleet = try FleetGenerator(deviceCount: devices, seed: seed).fleet()
        let demand = PlanningDemand(rate: 1, promptTokens: 800, outputTokens: 200)
        do {
            return Question(
                instance: try PlanningInstance(cost: try fleet.cost(llama), demand: demand, kvType: kvType),
                types: Dictionary(uniqueKeysWithValues: fleet.devices.map { ($0.id, $0.type) }),
                sites: Dictionary(uniqueKeysWithValues: fleet.devices.map { ($0.id, $0.site) }))
        } catch let error as PlanningError where error.code == .modelDoesNotFit {
            return nil
        }
    }
}
