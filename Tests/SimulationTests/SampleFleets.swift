import CostModel
import Domain
import Scenarios

@testable import Simulation

/// Fleets, plans and traffic for tests of simulations.
enum SampleFleets {
    /// Eight layers of 100 MB; 1,000 bytes of KV per token and layer.
    static let model = ModelDescription(
        name: "toy", layers: 8, hidden: 1024, ffn: 4096, heads: 8, kvHeads: 8, headDim: 128, vocabulary: 32_000,
        maxContext: 2048, paramsPerLayer: 170_000_000, bytesPerLayer: 100_000_000, bytesEmbedding: 50_000_000,
        bytesHead: 50_000_000, bytesTotal: 900_000_000, kvBytesPerTokenPerLayer: 1000, activationBytesPerToken: 2048)

    /// Devices of equal speed on a network of `bytesPerSecond` between any two.
    static func cost(
        _ devices: [DeviceID], memory: Int = 2_000_000_000, bytesPerSecond: Double = 1e8
    ) throws -> FleetCost {
        var links: [LinkProfile] = []
        for from in devices {
            for to in devices where to != from {
                links.append(
                    LinkProfile(from: from, to: to, latencySeconds: 0.001, bytesPerSecond: bytesPerSecond))
            }
        }
        let costed = try devices.map { id in
            CostedDevice(
                id: id, memoryBytes: memory,
                cost: DeviceCost(
                    roofline: try RooflineCost(
                        model: model, flops: 2e12, bytesPerSecond: 50e9, layerOverheadSeconds: 1e-5)))
        }
        return try FleetCost(model: model, devices: costed, network: NetworkCost(links: links))
    }

    /// A replica whose layers are split evenly over devices.
    static func replica(_ id: ReplicaID, _ role: ReplicaRole, _ devices: [DeviceID], _ cost: FleetCost) -> PlanReplica {
        let count = model.layers / devices.count
        let stages = devices.enumerated().map { index, device in
            PlanStage(
                device: device,
                layers: LayerRange(
                    index * count, index == devices.count - 1 ? model.layers : (index + 1) * count))
        }
        return PlanReplica(
            id: id, role: role, stages: stages, decodeConcurrency: role == .prefill ? 0 : 16,
            kvCapacityTokens: cost.kvCapacityTokens(stages), predictedRequestsPerSecond: 1,
            predictedTokenGapSeconds: 0.02)
    }

    static func plan(_ replicas: [PlanReplica]) -> PlacementPlan {
        PlacementPlan(
            id: "plan", model: model.digest, fleetVersion: 1, workload: WorkloadStatistics(), replicas: replicas,
            predictedRequestsPerSecond: 1, objective: 0, algorithm: "test")
    }

    /// Requests (arrival, prompt, output), named by their number.
    static func traffic(_ requests: [(Double, Int, Int)]) -> SimulatedTraffic {
        SimulatedTraffic(
            name: "test", rate: 1,
            requests: requests.enumerated().map { number, request in
                SimulatedTraffic.Request(
                    id: RequestID("r\(number)"), arrival: request.0, promptTokens: request.1, outputTokens: request.2)
            })
    }

    /// A stream of many requests with varied lengths, the same for the same seed.
    static func stream(_ count: Int, every seconds: Double, seed: UInt64 = 1) -> SimulatedTraffic {
        var state = seed
        func next(_ most: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(most))
        }
        return traffic((0..<count).map { (Double($0) * seconds, 50 + next(900), 1 + next(120)) })
    }

    /// What must hold for every run: all requests ended, their moments are in order, their parts add up.
    static func problem(_ record: RunRecord) -> String? {
        for request in record.requests {
            guard request.outcome == .finished, let start = request.prefillStart, let first = request.firstToken,
                let end = request.end, let waiting = request.waiting
            else { return "\(request.id) has not finished: \(request)" }
            let decode = request.decodeStart ?? first
            let moments = [request.arrival, start, first, decode, end]
            if moments != moments.sorted() { return "\(request.id): moments \(moments)" }
            let own = (first - start) + max(0, end - decode - request.stall)
            let total = end - request.arrival
            // Without retries the parts are the whole.
            if request.retries == 0, (waiting + own - total).magnitude > 1e-6 * max(1, total) {
                return "\(request.id): \(waiting) + \(own) is not \(total)"
            }
            if (request.decodeStart == nil) != (request.outputTokens == 1) { return "\(request.id): decode start" }
        }
        return nil
    }
}
