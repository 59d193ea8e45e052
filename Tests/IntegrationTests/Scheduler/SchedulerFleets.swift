import Domain

/// Small fleets and plans for a scheduler: a model of eight layers, whole replicas on single devices.
enum SchedulerFleets {
    static let layers = 8
    static let model = ModelDescription(
        name: "sample", digest: "digest", layers: layers, hidden: 64, ffn: 128, heads: 4, kvHeads: 2, headDim: 16,
        vocabulary: 100, maxContext: 1024, paramsPerLayer: 1000, bytesPerLayer: 1000, bytesEmbedding: 100,
        bytesHead: 100, bytesTotal: 9000, kvBytesPerTokenPerLayer: 128, activationBytesPerToken: 256)

    /// Measured devices with quick links between them.
    static func fleet(_ devices: [DeviceID]) -> Fleet {
        Fleet(
            version: 1, model: model, devices: devices.map(device),
            links: devices.flatMap { from in
                devices.filter { $0 != from }.map {
                    LinkProfile(from: from, to: $0, latencySeconds: 1e-4, bytesPerSecond: 1e8)
                }
            })
    }

    private static func device(_ id: DeviceID) -> DeviceProfile {
        DeviceProfile(
            id: id, fingerprint: id.rawValue, host: "host", threads: 1, computeShare: 1, memoryUsableBytes: 1 << 22,
            state: .ready,
            measurements: DeviceMeasurements(
                prefill: [16, 64, 256].map { PrefillSample(tokens: $0, secondsPerLayer: Double($0) * 1e-3) },
                decode: [1, 4, 16].map {
                    DecodeSample(batch: $0, context: 128, secondsPerLayer: (1 + Double($0) * 0.1) * 1e-3)
                },
                head: [HeadSample(rows: 1, seconds: 1e-3)], memoryUsableBytes: 1 << 22))
    }

    /// A plan of mixed replicas `m-DEVICE`, one on each device.
    static func plan(_ devices: [DeviceID]) -> PlacementPlan {
        let replicas = devices.map { device in
            PlanReplica(
                id: ReplicaID("m-\(device)"), role: .mixed,
                stages: [
                    PlanStage(
                        device: device, layers: LayerRange(0, layers), predictedPrefillSeconds: 0.2,
                        predictedDecodeSeconds: 0.01)
                ], decodeConcurrency: 4, kvCapacityTokens: 2000, predictedRequestsPerSecond: 1,
                predictedTokenGapSeconds: 0.02)
        }
        return PlacementPlan(
            id: "plan", model: model.digest, fleetVersion: 1, workload: WorkloadStatistics(), replicas: replicas,
            predictedRequestsPerSecond: Double(devices.count), objective: 1, algorithm: "test")
    }
}
