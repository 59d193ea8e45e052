public import Domain

/// What one worker process is and may use; fixed while it runs.
public struct StageLimits: Sendable {
    /// The device.
    public var device: DeviceID
    /// Which of its workers.
    public var kind: WorkerKind
    /// The model.
    public var model: ModelDescription
    /// Bytes that weights and KV cache of this process may take together.
    public var memoryUsableBytes: Int
    /// Most rows of one step.
    public var maxBatchedTokens: Int
    /// How prompts are computed beside sequences that decode.
    public var batching = Batching.chunks
    /// Most sequences that a replica decodes together.
    public var largestBatch = DecodeLimit.twicePlanned
    /// After this many seconds without a word about it a later stage frees a sequence.
    public var leaseSeconds: Double
    /// After so many seconds a step that has not come back is given up; shorter than a gateway waits for a token (120 s), longer
    /// than steps of slow devices take.
    public var stepSeconds = 100.0
    /// Tokens of one block of KV cache: what is reserved is rounded up to it.
    public var kvBlockTokens: Int
    /// Bytes that may wait for one peer, at least; a stage computes nothing that would add to more.
    public var linkBytes = 8 << 20
    /// Steps that the compute thread has at a time: one that runs and one that is ready.
    public var stepsAhead = 2

    /// Makes limits.
    public init(
        device: DeviceID, kind: WorkerKind, model: ModelDescription, memoryUsableBytes: Int, maxBatchedTokens: Int,
        leaseSeconds: Double, kvBlockTokens: Int
    ) {
        self.device = device
        self.kind = kind
        self.model = model
        self.memoryUsableBytes = max(0, memoryUsableBytes)
        self.maxBatchedTokens = max(1, maxBatchedTokens)
        self.leaseSeconds = leaseSeconds
        self.kvBlockTokens = max(1, kvBlockTokens)
    }

    /// KV blocks for so many tokens of one sequence.
    func blocks(_ tokens: Int) -> Int { (max(0, tokens) + kvBlockTokens - 1) / kvBlockTokens }
    /// Bytes of one block of a stage with these layers, as the plan counts them.
    func blockBytes(_ layers: LayerRange, _ type: KVType) -> Int {
        max(1, model.keeping(type).kvBytes(layers, tokens: kvBlockTokens))
    }
    /// Bytes that may wait for one peer of a stage: so much that the KV cache of one step travels while the next one computes.
    func linkBytes(_ layers: LayerRange) -> Int {
        max(linkBytes, model.kvBytes(layers, tokens: maxBatchedTokens) / 4 * 5)
    }
    /// How often a first stage renews leases: several times per lease, so that a lost message does not end one.
    var keepSeconds: Double { max(1, leaseSeconds / 4) }
}
