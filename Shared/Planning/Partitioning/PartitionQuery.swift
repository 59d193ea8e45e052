public import Domain

/// Asks for the best contiguous layer ranges of one device group; on the wire an element of `partition.solve`.
public struct PartitionQuery: Codable, Sendable, Hashable {
    /// Chosen by the asker; the answer carries it.
    public var id: Int
    /// The devices of the group; every one gets at least one layer.
    public var devices: [DeviceID]
    /// Whether the stages must follow the order of `devices`; otherwise the best order is found too.
    public var ordered: Bool
    /// The phase whose slowest stage is minimised.
    public var phase: Phase
    /// Tokens of a prompt, for the prefill phase.
    public var promptTokens: Int
    /// Sequences of a decode step, for the decode phase.
    public var batch: Int
    /// Tokens in the KV cache of each of these sequences.
    public var contextTokens: Int
    /// Tokens of KV cache that every stage must have room for.
    public var kvTokens: Int

    /// Makes a query.
    public init(
        id: Int, devices: [DeviceID], ordered: Bool, phase: Phase, promptTokens: Int, batch: Int, contextTokens: Int,
        kvTokens: Int
    ) {
        self.id = id
        self.devices = devices
        self.ordered = ordered
        self.phase = phase
        self.promptTokens = promptTokens
        self.batch = batch
        self.contextTokens = contextTokens
        self.kvTokens = kvTokens
    }

    private enum CodingKeys: String, CodingKey {
        case id, devices, ordered, phase, batch
        case promptTokens = "prompt_tokens"
        case contextTokens = "context_tokens"
        case kvTokens = "kv_tokens"
    }
}

/// The best layer ranges of a device group, or why there are none; on the wire an element of `partition.solution`.
public struct PartitionAnswer: Codable, Sendable, Hashable {
    /// The id of the query.
    public var id: Int
    /// The stages in layer order, with the predicted time of the phase that was asked for; empty where not feasible.
    public var stages: [PlanStage]
    /// Seconds of the slowest stage or hop; 0 where not feasible.
    public var cycleSeconds: Double
    /// Seconds of all stages and hops; 0 where not feasible.
    public var latencySeconds: Double
    /// Whether the group can hold the model.
    public var feasible: Bool
    /// Why not, for people.
    public var reason: String?
    /// Least memory that the group lacks, where memory is the reason.
    public var missingBytes: Int?

    /// Makes an answer.
    public init(
        id: Int, stages: [PlanStage], cycleSeconds: Double, latencySeconds: Double, feasible: Bool,
        reason: String? = nil, missingBytes: Int? = nil
    ) {
        self.id = id
        self.stages = stages
        self.cycleSeconds = cycleSeconds
        self.latencySeconds = latencySeconds
        self.feasible = feasible
        self.reason = reason
        self.missingBytes = missingBytes
    }

    /// An answer that there is no partition.
    public static func infeasible(_ id: Int, _ reason: String, missingBytes: Int? = nil) -> PartitionAnswer {
        PartitionAnswer(
            id: id, stages: [], cycleSeconds: 0, latencySeconds: 0, feasible: false, reason: reason,
            missingBytes: missingBytes)
    }

    private enum CodingKeys: String, CodingKey {
        case id, stages, feasible, reason
        case cycleSeconds = "cycle_s"
        case latencySeconds = "latency_s"
        case missingBytes = "missing_bytes"
    }
}
