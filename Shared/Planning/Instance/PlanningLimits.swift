public import Domain

/// What a plan may use and must keep.
public struct PlanningLimits: Sendable, Hashable {
    /// Which roles may stand in one plan.
    public enum Roles: String, Sendable, Hashable, CaseIterable {
        /// Prefill, decoder and mixed replicas side by side.
        case any
        /// Either prefill and decoder replicas, or mixed ones only.
        case uniform
        /// Prefill and decoder replicas only.
        case split
        /// Mixed replicas only.
        case mixed
    }

    /// Which roles may stand in one plan.
    public var roles: Roles = .any
    /// Most sequences that a replica decodes together.
    public var largestBatch = 16
    /// Least tokens per second of every decoding request; 0 for none.
    public var minimumTokensPerSecond = 0.0
    /// Whether a plan that is slower than that is no plan. Otherwise it is kept where that costs little, and relaxed with a
    /// note where it would cost more than `tolerance` of the sustained rate.
    public var minimumIsHard = false
    /// Longest request, prompt and output together, that every replica has room for; 0 takes that of the workload.
    public var longestRequestTokens = 0
    /// Whether room for longer requests than the mean one may be given up, with a note, where the fleet would otherwise not
    /// hold the model.
    public var mayReduceContext = false
    /// Longest sequence, prompt and output together, that some replica that decodes must have room for; 0 for none. Plans
    /// without such a replica are chosen only where there is no other, with a note.
    public var promisedContextTokens = 0
    /// Tokens of a chunk after which its KV streams to the decoder; `nil` where a transfer starts when prefill has ended.
    public var chunkTokens: Int? = 256
    /// How keys and values may be kept and sent.
    public var kvTypes: Set<KVType> = [.f16, .q8_0]
    /// Share of the best sustained rate that may be given up for less waiting, for speed or for f16.
    public var tolerance = 0.02

    /// Makes the defaults.
    public init() {}

    /// What is wrong with the limits, naming the field; `nil` where nothing is.
    public var problem: String? {
        if !(1...4096).contains(largestBatch) { return "largest batch: \(largestBatch) is not in 1...4096" }
        if !(minimumTokensPerSecond >= 0 && minimumTokensPerSecond.isFinite) {
            return "minimum decode speed: \(minimumTokensPerSecond) must not be negative"
        }
        if !(0...(1 << 24)).contains(longestRequestTokens) {
            return "maximum context: \(longestRequestTokens) is not in 0...\(1 << 24)"
        }
        if !(0...(1 << 24)).contains(promisedContextTokens) {
            return "promised context: \(promisedContextTokens) is not in 0...\(1 << 24)"
        }
        if let chunkTokens, chunkTokens < 1 { return "chunk: \(chunkTokens) must be positive" }
        if kvTypes.isEmpty { return "KV types: there is none" }
        if !(0..<1).contains(tolerance) { return "tolerance: \(tolerance) is not in 0..<1" }
        return nil
    }
}
