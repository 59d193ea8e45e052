/// A stage that a worker serves.
public struct ServedStage: Codable, Sendable, Hashable {
    /// The plan as the worker was last told, the replica and the stage.
    public var assignment: StageAssignment
    /// The epoch in which the replica was formed.
    public var formed: Epoch
    /// Tokens of KV cache that the stage can hold.
    public var kvCapacityTokens: Int
    /// Bytes of its weights.
    public var weightBytes: Int

    /// Makes a record.
    public init(assignment: StageAssignment, formed: Epoch, kvCapacityTokens: Int, weightBytes: Int = 0) {
        self.assignment = assignment
        self.formed = formed
        self.kvCapacityTokens = kvCapacityTokens
        self.weightBytes = weightBytes
    }

    private enum CodingKeys: String, CodingKey {
        case assignment
        case formed = "epoch"
        case kvCapacityTokens = "kv_capacity_tokens"
        case weightBytes = "weight_bytes"
    }
}
