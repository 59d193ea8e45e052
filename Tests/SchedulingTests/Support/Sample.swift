import Domain
import Scheduling

/// Small plans and fleets for tests: a model of eight layers.
enum Sample {
    static let layers = 8
    static let model = ModelDescription(
        name: "sample", digest: "digest", layers: layers, hidden: 64, ffn: 128, heads: 2, kvHeads: 1, headDim: 32,
        vocabulary: 100, maxContext: 1024, paramsPerLayer: 1000, bytesPerLayer: 1000, bytesEmbedding: 100,
        bytesHead: 100, bytesTotal: 9000, kvBytesPerTokenPerLayer: 128, activationBytesPerToken: 256)

    /// A fleet of ready devices; `speed` scales the measured times (larger is slower).
    static func fleet(_ devices: [DeviceID], version: UInt64 = 1, speed: [DeviceID: Double] = [:]) -> Fleet {
        Fleet(version: version, model: model, devices: devices.map { device($0, speed: speed[$0] ?? 1) })
    }

    static func device(_ id: DeviceID, state: DeviceState = .ready, speed: Double = 1) -> DeviceProfile {
        DeviceProfile(
            id: id, fingerprint: id.rawValue, host: "host", threads: 1, computeShare: 1, memoryUsableBytes: 1 << 20,
            state: state,
            measurements: DeviceMeasurements(
                prefill: [16, 64, 256].map { PrefillSample(tokens: $0, secondsPerLayer: Double($0) * 1e-4 * speed) },
                decode: [1, 4, 16].map {
                    DecodeSample(batch: $0, context: 128, secondsPerLayer: (1 + Double($0) * 0.1) * 1e-3 * speed)
                },
                head: [HeadSample(rows: 1, seconds: 1e-3 * speed)], memoryUsableBytes: 1 << 20))
    }

    /// A replica whose layers are shared evenly among the devices.
    static func replica(
        _ id: ReplicaID, _ role: ReplicaRole, _ devices: [DeviceID], concurrency: Int = 4, kv: Int = 2000
    ) -> PlanReplica {
        let share = layers / devices.count
        let stages = devices.enumerated().map { index, device in
            let end = index == devices.count - 1 ? layers : (index + 1) * share
            return PlanStage(
                device: device, layers: LayerRange(index * share, end), predictedPrefillSeconds: 0.2,
                predictedDecodeSeconds: 0.01)
        }
        return PlanReplica(
            id: id, role: role, stages: stages, decodeConcurrency: role == .prefill ? 0 : concurrency,
            kvCapacityTokens: kv, predictedRequestsPerSecond: 1, predictedTokenGapSeconds: role == .prefill ? 0 : 0.02)
    }

    static func plan(
        _ id: PlanID, _ replicas: [PlanReplica], rate: Double = 1, objective: Double = 1, idle: [DeviceID] = []
    ) -> PlacementPlan {
        PlacementPlan(
            id: id, model: model.digest, fleetVersion: 1, workload: WorkloadStatistics(), replicas: replicas,
            idleDevices: idle, predictedRequestsPerSecond: rate, objective: objective, algorithm: "test")
    }

    /// One prefill replica on `a`, one decoder replica over `b` and `c`.
    static let split = plan("split", [replica("p", .prefill, ["a"]), replica("d", .decode, ["b", "c"])])
    /// One mixed replica on `a`, another one on `b`.
    static let mixed = plan("mixed", [replica("m1", .mixed, ["a"]), replica("m2", .mixed, ["b"])])
    /// Plans of different kinds over `a`, `b`, `c` and `e`.
    static let various = [
        split, mixed,
        plan("two", [replica("p", .prefill, ["e"]), replica("d", .decode, ["a", "b"])]),
        plan(
            "three",
            [replica("p", .prefill, ["a"]), replica("d", .decode, ["b", "c"]), replica("m", .mixed, ["e"])]),
    ]
}

extension WorkerKey {
    static func prefill(_ device: DeviceID) -> WorkerKey { WorkerKey(device, .prefill) }
    static func decode(_ device: DeviceID) -> WorkerKey { WorkerKey(device, .decode) }
}
