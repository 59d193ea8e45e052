public import Domain

/// A device as the planner sees it: what it can hold and how fast it is.
public struct CostedDevice: Sendable, Hashable {
    /// The device.
    public var id: DeviceID
    /// Bytes that may be used for weights and KV cache.
    public var memoryBytes: Int
    /// Its speed.
    public var cost: DeviceCost

    /// Makes a device.
    public init(id: DeviceID, memoryBytes: Int, cost: DeviceCost) {
        self.id = id
        self.memoryBytes = memoryBytes
        self.cost = cost
    }
}

/// One model on one fleet: everything that planner, scheduler and simulator estimate times from.
public struct FleetCost: Sendable {
    /// The model, with the bytes of its KV cache in the type that it is kept in.
    public private(set) var model: ModelDescription
    /// The devices in order of their ids.
    public private(set) var devices: [CostedDevice]
    /// How keys and values are kept and sent.
    public private(set) var kvType = KVType.f16
    /// The links between them.
    public private(set) var network: NetworkCost
    private let index: [DeviceID: Int]
    /// The model with a KV cache in f16.
    private let described: ModelDescription

    /// Makes costs from parts; a device that is listed twice counts once.
    ///
    /// - Throws: `invalidModel` where a field of the description is out of range.
    public init(model: ModelDescription, devices: [CostedDevice], network: NetworkCost) throws(CostError) {
        try Self.check(model)
        var index: [DeviceID: Int] = [:]
        var unique: [CostedDevice] = []
        for device in devices.sorted(by: { $0.id < $1.id }) where index[device.id] == nil {
            index[device.id] = unique.count
            unique.append(device)
        }
        self.model = model
        described = model
        self.devices = unique
        self.network = network
        self.index = index
    }

    /// Makes costs from measured profiles: every `ready` device with usable tables, without those in `excluded`.
    ///
    /// - Throws: `invalidModel` where a field of the description is out of range.
    public init(fleet: Fleet, model: ModelDescription, excluding excluded: Set<DeviceID> = []) throws(CostError) {
        var devices: [CostedDevice] = []
        var handovers: [DeviceID: Double] = [:]
        for profile in fleet.usableDevices where !excluded.contains(profile.id) {
            guard let measurements = profile.measurements,
                let cost = try? DeviceCost(measurements: measurements, model: model)
            else { continue }
            let memory = min(profile.memoryUsableBytes, measurements.memoryUsableBytes)
            handovers[profile.id] = measurements.handoverSeconds
            devices.append(CostedDevice(id: profile.id, memoryBytes: max(0, memory), cost: cost))
        }
        try self.init(model: model, devices: devices, network: NetworkCost(links: fleet.links, handovers: handovers))
    }

    /// The same costs with keys and values kept and sent as `type`. Measured times of decode steps are those of f16.
    public func keeping(_ type: KVType) -> FleetCost {
        guard type != kvType else { return self }
        var cost = self
        cost.kvType = type
        cost.model.kvBytesPerTokenPerLayer = described.keeping(type).kvBytesPerTokenPerLayer
        for index in cost.devices.indices {
            cost.devices[index].cost.setKVBytes(cost.model.kvBytesPerTokenPerLayer)
        }
        return cost
    }

    /// The same costs, quick for the hops between the stages of a plan.
    public func knowing(_ plan: PlacementPlan) -> FleetCost {
        var cost = self
        cost.network = network.knowing(plan)
        return cost
    }

    /// The device with an id.
    public func device(_ id: DeviceID) -> CostedDevice? { index[id].map { devices[$0] } }

    /// Bytes that a stage needs: its weights and a KV cache of `kvTokens` tokens.
    public func memoryBytes(_ layers: LayerRange, kvTokens: Int) -> Int {
        model.weightBytes(layers) + model.kvBytes(layers, tokens: kvTokens)
    }

    /// Tokens of KV cache that every one of these stages can hold beside its weights; 0 where one lacks room or is unknown.
    public func kvCapacityTokens(_ stages: [PlanStage]) -> Int {
        var capacity = Int.max
        for stage in stages {
            guard let device = device(stage.device) else { return 0 }
            let room = device.memoryBytes - model.weightBytes(stage.layers)
            let perToken = model.kvBytes(stage.layers, tokens: 1)
            capacity = min(capacity, perToken > 0 ? max(0, room) / perToken : Int.max)
        }
        return stages.isEmpty ? 0 : min(capacity, Self.largestTokens)
    }

    /// Largest number of tokens in any query; keeps byte counts far from overflow.
    public static let largestTokens = 1 << 24

    private static func check(_ model: ModelDescription) throws(CostError) {
        let fields: [(name: String, value: Int, range: ClosedRange<Int>)] = [
            ("layers", model.layers, 1...4096),
            ("hidden", model.hidden, 1...(1 << 24)),
            ("bytes_per_layer", model.bytesPerLayer, 1...(1 << 44)),
            ("bytes_embedding", model.bytesEmbedding, 0...(1 << 44)),
            ("bytes_lm_head", model.bytesHead, 0...(1 << 44)),
            ("kv_bytes_per_token_per_layer", model.kvBytesPerTokenPerLayer, 1...(1 << 24)),
            ("activation_bytes_per_token", model.activationBytesPerToken, 1...(1 << 28)),
        ]
        for field in fields where !field.range.contains(field.value) {
            throw CostError(
                .invalidModel,
                "model \(model.name): \(field.name) is \(field.value), not in \(field.range.lowerBound)..."
                    + "\(field.range.upperBound)")
        }
    }
}
