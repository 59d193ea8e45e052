/// Sums over everything that a stage has computed; differences of two reports give rates.
public struct StageCounters: Codable, Sendable, Hashable {
    /// Prompt tokens processed.
    public var prefillTokens: Int
    /// Seconds that their steps took.
    public var prefillSeconds: Double
    /// Decode steps.
    public var decodeSteps: Int
    /// Sequences in them, summed.
    public var decodeRows: Int
    /// Seconds that they took.
    public var decodeSeconds: Double
    /// Bytes of KV cache sent to or received from other replicas.
    public var kvTransferBytes: Int

    /// Makes counters.
    public init(
        prefillTokens: Int = 0, prefillSeconds: Double = 0, decodeSteps: Int = 0, decodeRows: Int = 0,
        decodeSeconds: Double = 0, kvTransferBytes: Int = 0
    ) {
        self.prefillTokens = prefillTokens
        self.prefillSeconds = prefillSeconds
        self.decodeSteps = decodeSteps
        self.decodeRows = decodeRows
        self.decodeSeconds = decodeSeconds
        self.kvTransferBytes = kvTransferBytes
    }

    private enum CodingKeys: String, CodingKey {
        case prefillTokens = "prefill_tokens"
        case prefillSeconds = "prefill_s"
        case decodeSteps = "decode_steps"
        case decodeRows = "decode_rows"
        case decodeSeconds = "decode_s"
        case kvTransferBytes = "kv_transfer_bytes"
    }
}

extension StageCounters {
    /// Adds what another stage of the same worker computed.
    public static func += (left: inout StageCounters, right: StageCounters) {
        left.prefillTokens += right.prefillTokens
        left.prefillSeconds += right.prefillSeconds
        left.decodeSteps += right.decodeSteps
        left.decodeRows += right.decodeRows
        left.decodeSeconds += right.decodeSeconds
        left.kvTransferBytes += right.kvTransferBytes
    }
}
