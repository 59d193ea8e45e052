/// One stage of a replica: contiguous layers on one device.
public struct PlanStage: Codable, Sendable, Hashable {
    /// The device.
    public var device: DeviceID
    /// Its layers, `start..<end`.
    public var layers: LayerRange
    /// Predicted time of this stage for one mean prompt, without waiting.
    public var predictedPrefillSeconds: Double?
    /// Predicted time of this stage for one decode step at the replica's decode concurrency.
    public var predictedDecodeSeconds: Double?

    /// Makes a stage.
    public init(
        device: DeviceID, layers: LayerRange, predictedPrefillSeconds: Double? = nil,
        predictedDecodeSeconds: Double? = nil
    ) {
        self.device = device
        self.layers = layers
        self.predictedPrefillSeconds = predictedPrefillSeconds
        self.predictedDecodeSeconds = predictedDecodeSeconds
    }

    private enum CodingKeys: String, CodingKey {
        case device, layers
        case predictedPrefillSeconds = "predicted_prefill_s"
        case predictedDecodeSeconds = "predicted_decode_s"
    }
}

/// A complete copy of the model over a device group.
public struct PlanReplica: Codable, Sendable, Hashable {
    /// The replica.
    public var id: ReplicaID
    /// What it does.
    public var role: ReplicaRole
    /// Its stages in layer order; their ranges cover the model exactly.
    public var stages: [PlanStage]
    /// Sequences that decode together (0 for prefill replicas).
    public var decodeConcurrency: Int
    /// Parts into which the pipeline splits that many sequences; one a stage where the plan does not say.
    public var microBatches: Int?
    /// Prompt tokens that a step computes at most while sequences decode; the workers' token budget where the plan does
    /// not say.
    public var mixedChunkTokens: Int?
    /// Tokens of KV cache that every stage can hold.
    public var kvCapacityTokens: Int
    /// Requests per second that it can sustain in its phase.
    public var predictedRequestsPerSecond: Double
    /// Predicted time between two tokens of a sequence, seconds (0 for prefill replicas).
    public var predictedTokenGapSeconds: Double

    /// Makes a replica.
    public init(
        id: ReplicaID, role: ReplicaRole, stages: [PlanStage], decodeConcurrency: Int, microBatches: Int? = nil,
        mixedChunkTokens: Int? = nil, kvCapacityTokens: Int, predictedRequestsPerSecond: Double,
        predictedTokenGapSeconds: Double
    ) {
        self.id = id
        self.role = role
        self.stages = stages
        self.decodeConcurrency = decodeConcurrency
        self.microBatches = microBatches
        self.mixedChunkTokens = mixedChunkTokens
        self.kvCapacityTokens = kvCapacityTokens
        self.predictedRequestsPerSecond = predictedRequestsPerSecond
        self.predictedTokenGapSeconds = predictedTokenGapSeconds
    }

    private enum CodingKeys: String, CodingKey {
        case id, role, stages
        case decodeConcurrency = "decode_concurrency"
        case microBatches = "micro_batches"
        case mixedChunkTokens = "mixed_chunk_tokens"
        case kvCapacityTokens = "kv_capacity_tokens"
        case predictedRequestsPerSecond = "predicted_requests_per_s"
        case predictedTokenGapSeconds = "predicted_token_gap_s"
    }
}

extension PlanReplica {
    /// Says what is wrong with the replica for a model, or `nil` where its stages cover all layers in order.
    public func problem(layers: Int) -> String? {
        var next = 0
        for stage in stages {
            guard stage.layers.start == next, !stage.layers.isEmpty else {
                return "replica \(id): stage \(stage.layers) does not start at layer \(next)"
            }
            next = stage.layers.end
        }
        return next == layers ? nil : "replica \(id): covers \(next) of \(layers) layers"
    }
}

/// Which devices form which replicas, and what is expected of them.
public struct PlacementPlan: Codable, Sendable, Hashable {
    /// The plan.
    public var id: PlanID
    /// The model that it places.
    public var model: ModelDigest
    /// The fleet version that it was made from.
    public var fleetVersion: UInt64
    /// The traffic that it was made for.
    public var workload: WorkloadStatistics
    /// Replicas in order of their ids.
    public var replicas: [PlanReplica]
    /// Devices that hold nothing.
    public var idleDevices: [DeviceID]
    /// Requests per second that the whole plan can sustain.
    public var predictedRequestsPerSecond: Double
    /// The objective of the search, lower is better: mean seconds of waiting, or with the paper's algorithm the accumulated
    /// excess of processing times over the arrival interval.
    public var objective: Double
    /// Name of the algorithm and its seed, for the record.
    public var algorithm: String
    /// What had to be relaxed to find a plan (for example the minimum decode speed), for people.
    public var relaxations: [String]
    /// Requests per second that no plan can exceed, where the planner proved it.
    public var upperBoundRequestsPerSecond: Double?
    /// The longest sequence, prompt and output, that was promised when the plan came into force.
    public var contextTokens: Int?
    /// How all stages keep keys and values, and send them.
    public var kvType: KVType

    /// Makes a plan.
    public init(
        id: PlanID, model: ModelDigest, fleetVersion: UInt64, workload: WorkloadStatistics, replicas: [PlanReplica],
        idleDevices: [DeviceID] = [], predictedRequestsPerSecond: Double, objective: Double, algorithm: String,
        relaxations: [String] = [], upperBoundRequestsPerSecond: Double? = nil, kvType: KVType = .f16
    ) {
        self.id = id
        self.kvType = kvType
        self.model = model
        self.fleetVersion = fleetVersion
        self.workload = workload
        self.replicas = replicas
        self.idleDevices = idleDevices
        self.predictedRequestsPerSecond = predictedRequestsPerSecond
        self.objective = objective
        self.algorithm = algorithm
        self.relaxations = relaxations
        self.upperBoundRequestsPerSecond = upperBoundRequestsPerSecond
    }

    /// The replicas that can serve a phase.
    public func replicas(for phase: Phase) -> [PlanReplica] { replicas.filter { $0.role.phases.contains(phase) } }

    /// Says what is wrong with the plan for a model, or `nil` where it is sound: every replica's stages cover the model
    /// exactly and in order, no device serves twice, both phases are served.
    public func problem(layers: Int) -> String? {
        var seen: Set<DeviceID> = []
        for replica in replicas {
            if let problem = replica.problem(layers: layers) { return problem }
            for stage in replica.stages where !seen.insert(stage.device).inserted {
                return "device \(stage.device) is in two stages"
            }
        }
        for phase in Phase.allCases where replicas(for: phase).isEmpty {
            return "no replica serves the \(phase.rawValue) phase"
        }
        return nil
    }

    private enum CodingKeys: String, CodingKey {
        case id, model, workload, replicas, objective, algorithm, relaxations
        case fleetVersion = "fleet_version"
        case idleDevices = "idle_devices"
        case contextTokens = "context_tokens"
        case kvType = "kv_type"
        case upperBoundRequestsPerSecond = "upper_bound_requests_per_s"
        case predictedRequestsPerSecond = "predicted_requests_per_s"
    }
}

/// `kv_type` is written where it is not f16, so that plans look as they did before there was a choice.
extension PlacementPlan {
    /// Reads a plan.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            id: try fields.decode(PlanID.self, forKey: .id), model: try fields.decode(ModelDigest.self, forKey: .model),
            fleetVersion: try fields.decode(UInt64.self, forKey: .fleetVersion),
            workload: try fields.decode(WorkloadStatistics.self, forKey: .workload),
            replicas: try fields.decode([PlanReplica].self, forKey: .replicas),
            idleDevices: try fields.decode([DeviceID].self, forKey: .idleDevices),
            predictedRequestsPerSecond: try fields.decode(Double.self, forKey: .predictedRequestsPerSecond),
            objective: try fields.decode(Double.self, forKey: .objective),
            algorithm: try fields.decode(String.self, forKey: .algorithm),
            relaxations: try fields.decode([String].self, forKey: .relaxations),
            upperBoundRequestsPerSecond: try fields.decodeIfPresent(Double.self, forKey: .upperBoundRequestsPerSecond),
            kvType: try fields.decodeIfPresent(KVType.self, forKey: .kvType) ?? .f16)
        contextTokens = try fields.decodeIfPresent(Int.self, forKey: .contextTokens)
    }

    /// Writes a plan.
    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(id, forKey: .id)
        try fields.encode(model, forKey: .model)
        try fields.encode(fleetVersion, forKey: .fleetVersion)
        try fields.encode(workload, forKey: .workload)
        try fields.encode(replicas, forKey: .replicas)
        try fields.encode(idleDevices, forKey: .idleDevices)
        try fields.encode(predictedRequestsPerSecond, forKey: .predictedRequestsPerSecond)
        try fields.encode(objective, forKey: .objective)
        try fields.encode(algorithm, forKey: .algorithm)
        try fields.encode(relaxations, forKey: .relaxations)
        try fields.encodeIfPresent(upperBoundRequestsPerSecond, forKey: .upperBoundRequestsPerSecond)
        try fields.encodeIfPresent(contextTokens, forKey: .contextTokens)
        if kvType != .f16 { try fields.encode(kvType, forKey: .kvType) }
    }
}
