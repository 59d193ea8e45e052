import CostModel
import Domain
import Planning

extension SeededRandom {
    mutating func between(_ low: Double, _ high: Double) -> Double { Double.random(in: low...high, using: &self) }
    mutating func between(_ low: Int, _ high: Int) -> Int { Int.random(in: low...high, using: &self) }
}

/// Models and fleets for tests.
enum Build {
    static func model(
        layers: Int = 12, bytesPerLayer: Int = 2_000_000, kvBytes: Int = 768, head: Int = 16_000_000
    ) -> ModelDescription {
        ModelDescription(
            name: "test", digest: "digest", layers: layers, hidden: 576, ffn: 1536, heads: 9, kvHeads: 3, headDim: 64,
            vocabulary: 49152, maxContext: 2048, paramsPerLayer: 3_538_944, bytesPerLayer: bytesPerLayer,
            bytesEmbedding: head, bytesHead: head, bytesTotal: layers * bytesPerLayer + head,
            kvBytesPerTokenPerLayer: kvBytes, activationBytesPerToken: 1152)
    }

    /// Tables of a device that is `speed` times as fast as the reference; `decodeSpeed` where that differs.
    static func measurements(speed: Double, decodeSpeed: Double? = nil, memory: Int) -> DeviceMeasurements {
        let decode = decodeSpeed ?? speed
        return DeviceMeasurements(
            prefill: [16, 64, 256, 512].map { tokens in
                let count = Double(tokens)
                return PrefillSample(
                    tokens: tokens, secondsPerLayer: (1e-4 + 2e-5 * count + 6e-9 * count * count) / speed)
            },
            decode: [1, 4, 8, 16].flatMap { batch in
                [64, 512].map { context in
                    let seconds = 3e-4 + 1e-7 * Double(batch * context) + 5e-5 * Double(batch)
                    return DecodeSample(batch: batch, context: context, secondsPerLayer: seconds / decode)
                }
            },
            head: [1, 8].map { HeadSample(rows: $0, seconds: (1e-3 + 3e-4 * Double($0)) / decode) },
            memoryUsableBytes: memory)
    }

    static func device(_ id: DeviceID, speed: Double, decodeSpeed: Double? = nil, memory: Int, model: ModelDescription)
        throws -> CostedDevice
    {
        let tables = measurements(speed: speed, decodeSpeed: decodeSpeed, memory: memory)
        return CostedDevice(
            id: id, memoryBytes: memory, cost: try DeviceCost(measurements: tables, model: model))
    }

    /// Devices `d0`, `d1`, ... of random speed and memory; memory in shares of what the whole model needs with 2,048 tokens.
    static func randomFleet(
        count: Int, model: ModelDescription, memoryShare: ClosedRange<Double>, _ random: inout SeededRandom
    ) throws -> FleetCost {
        let needed = Double(model.weightBytes(model.allLayers) + model.kvBytes(model.allLayers, tokens: 2048))
        var devices: [CostedDevice] = []
        var links: [LinkProfile] = []
        for index in 0..<count {
            let share = random.between(memoryShare.lowerBound, memoryShare.upperBound)
            devices.append(
                try device(
                    DeviceID("d\(index)"), speed: random.between(0.3, 4), decodeSpeed: random.between(0.3, 4),
                    memory: Int(needed * share), model: model))
            for other in 0..<count where other != index {
                links.append(
                    LinkProfile(
                        from: DeviceID("d\(index)"), to: DeviceID("d\(other)"),
                        latencySeconds: random.between(0.0001, 0.004), bytesPerSecond: random.between(5e6, 2e8)))
            }
        }
        return try FleetCost(model: model, devices: devices, network: NetworkCost(links: links))
    }

    static func query(
        _ devices: [DeviceID], ordered: Bool, phase: Phase, batch: Int = 4, kvTokens: Int = 2048
    ) -> PartitionQuery {
        PartitionQuery(
            id: 7, devices: devices, ordered: ordered, phase: phase, promptTokens: 200, batch: batch,
            contextTokens: 300, kvTokens: kvTokens)
    }
}
