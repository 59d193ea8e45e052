public import Domain

/// What a benchmark of the engine found; encoded with the units in the names.
public struct EngineFigures: Sendable, Codable, Hashable {
    /// Decode steps of one batch.
    public struct Decode: Sendable, Codable, Hashable {
        /// Sequences.
        public var batch: Int
        /// Positions of each before the first step.
        public var context: Int
        /// Tokens of all sequences per second.
        public var tokensPerSecond: Double
        /// Seconds of all steps.
        public var seconds: Double
        /// Milliseconds of one step.
        public var stepMilliseconds: Double
        /// Billions of weight bytes per second, where each step reads every weight once.
        public var weightGBPerSecond: Double
        /// `weightGBPerSecond` over the read bandwidth.
        public var shareOfRead: Double
        /// Billions of multiply-adds of matrix products per second, LM head included.
        public var gmacs: Double
        /// `gmacs` over the peak.
        public var shareOfPeak: Double

        enum CodingKeys: String, CodingKey {
            case batch, context, seconds, gmacs
            case tokensPerSecond = "tokens_per_s"
            case stepMilliseconds = "step_ms"
            case weightGBPerSecond = "weight_gb_per_s"
            case shareOfRead = "share_of_read"
            case shareOfPeak = "share_of_peak"
        }
    }

    /// Name of the model.
    public var model: String
    /// Its architecture.
    public var architecture: String
    /// Bytes of tensors in the file by their type.
    public var types: [String: Int]
    /// Transformer layers.
    public var layers: Int
    /// Compute threads.
    public var threads: Int
    /// The instruction set in use.
    public var instructionSet: String
    /// Features of the processor that matter.
    public var processorFeatures: [String]
    /// How keys and values are kept.
    public var kvType: KVType
    /// Tokens of the prompt.
    public var promptTokens: Int
    /// Steps of each decode measurement.
    public var generatedTokens: Int
    /// Positions before decode steps.
    public var context: Int
    /// Most rows of a step.
    public var stepTokens: Int
    /// Repetitions whose median is given.
    public var repetitions: Int
    /// Seconds until the model was ready.
    public var loadSeconds = 0.0
    /// Bytes of packed weights in memory: what a decode step reads.
    public var weightBytes: Int
    /// Bytes of the KV cache that was made for this run.
    public var kvBytes: Int
    /// Bytes of memory for intermediate results.
    public var scratchBytes: Int
    /// Most resident memory of the process before the machine's limits were measured.
    public var peakResidentBytes = 0
    /// Prompt tokens per second.
    public var prefillTokensPerSecond: Double?
    /// Seconds of the prompt.
    public var prefillSeconds: Double?
    /// Billions of multiply-adds of the layers' matrix products per second.
    public var prefillGMACs: Double?
    /// `prefillGMACs` over the peak.
    public var prefillShareOfPeak: Double?
    /// One entry per batch.
    public var decode: [Decode] = []
    /// Measured peak of int8 multiply-adds, in billions per second.
    public var peakGMACs: Double
    /// Measured bandwidth of reading as many bytes as there are weights.
    public var readGBPerSecond: Double
    /// The matrix product on its own, where it was asked for.
    public var matrices: [MatrixFigures]?

    enum CodingKeys: String, CodingKey {
        case model, architecture, types, layers, threads, context, repetitions, decode, matrices
        case instructionSet = "isa"
        case processorFeatures = "cpu_features"
        case kvType = "kv_type"
        case promptTokens = "prompt"
        case generatedTokens = "generate"
        case stepTokens = "step_tokens"
        case loadSeconds = "load_seconds"
        case weightBytes = "weights_bytes"
        case kvBytes = "kv_bytes"
        case scratchBytes = "scratch_bytes"
        case peakResidentBytes = "peak_rss_bytes"
        case prefillTokensPerSecond = "prefill_tokens_per_s"
        case prefillSeconds = "prefill_seconds"
        case prefillGMACs = "prefill_gmacs"
        case prefillShareOfPeak = "prefill_share_of_peak"
        case peakGMACs = "peak_gmacs"
        case readGBPerSecond = "read_gb_per_s"
    }
}
