/// One measured prefill time: a prompt chunk of `tokens` tokens through one layer, without earlier context.
public struct PrefillSample: Codable, Sendable, Hashable {
    /// Tokens of the chunk.
    public var tokens: Int
    /// Seconds per layer.
    public var secondsPerLayer: Double

    /// Makes a sample.
    public init(tokens: Int, secondsPerLayer: Double) {
        self.tokens = tokens
        self.secondsPerLayer = secondsPerLayer
    }

    private enum CodingKeys: String, CodingKey {
        case tokens
        case secondsPerLayer = "seconds_per_layer"
    }
}

/// One measured decode step: `batch` sequences, each with `context` tokens in its KV cache, through one layer.
public struct DecodeSample: Codable, Sendable, Hashable {
    /// Sequences in the step.
    public var batch: Int
    /// Context of each sequence in tokens.
    public var context: Int
    /// Seconds per layer.
    public var secondsPerLayer: Double

    /// Makes a sample.
    public init(batch: Int, context: Int, secondsPerLayer: Double) {
        self.batch = batch
        self.context = context
        self.secondsPerLayer = secondsPerLayer
    }

    private enum CodingKeys: String, CodingKey {
        case batch, context
        case secondsPerLayer = "seconds_per_layer"
    }
}

/// One measured LM head pass, sampling included, for `rows` sequences.
public struct HeadSample: Codable, Sendable, Hashable {
    /// Sequences that need logits.
    public var rows: Int
    /// Seconds.
    public var seconds: Double

    /// Makes a sample.
    public init(rows: Int, seconds: Double) {
        self.rows = rows
        self.seconds = seconds
    }
}

/// What one worker measured about itself on a few layers of a model; the tables that the cost model is fitted to.
public struct DeviceMeasurements: Codable, Sendable, Hashable {
    /// Prefill times, ascending in tokens; empty where the worker does not prefill.
    public var prefill: [PrefillSample]
    /// Decode times; empty where the worker does not decode.
    public var decode: [DecodeSample]
    /// LM head times, ascending in rows.
    public var head: [HeadSample]
    /// Bytes that the worker may use for weights and KV cache.
    public var memoryUsableBytes: Int
    /// Seconds that a step takes on this device besides computing and the network: it is handed to the compute thread and
    /// back, and its message is read and written. 0 where it was not measured.
    public var handoverSeconds: Double

    /// Makes a set of tables.
    public init(
        prefill: [PrefillSample] = [], decode: [DecodeSample] = [], head: [HeadSample] = [], memoryUsableBytes: Int,
        handoverSeconds: Double = 0
    ) {
        self.prefill = prefill
        self.decode = decode
        self.head = head
        self.memoryUsableBytes = memoryUsableBytes
        self.handoverSeconds = handoverSeconds
    }

    private enum CodingKeys: String, CodingKey {
        case prefill, decode, head
        case memoryUsableBytes = "memory_usable_bytes"
        case handoverSeconds = "handover_s"
    }

    /// Reads tables; those of older workers tell of no handover.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        prefill = try container.decode([PrefillSample].self, forKey: .prefill)
        decode = try container.decode([DecodeSample].self, forKey: .decode)
        head = try container.decode([HeadSample].self, forKey: .head)
        memoryUsableBytes = try container.decode(Int.self, forKey: .memoryUsableBytes)
        handoverSeconds = try container.decodeIfPresent(Double.self, forKey: .handoverSeconds) ?? 0
    }

    /// Writes the tables.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(prefill, forKey: .prefill)
        try container.encode(decode, forKey: .decode)
        try container.encode(head, forKey: .head)
        try container.encode(memoryUsableBytes, forKey: .memoryUsableBytes)
        if handoverSeconds != 0 { try container.encode(handoverSeconds, forKey: .handoverSeconds) }
    }
}

/// A measured one-way link between two devices: `latency + bytes / bandwidth`.
public struct LinkProfile: Codable, Sendable, Hashable {
    /// The sending device.
    public var from: DeviceID
    /// The receiving device.
    public var to: DeviceID
    /// One-way latency in seconds.
    public var latencySeconds: Double
    /// Bytes per second.
    public var bytesPerSecond: Double

    /// Makes a link.
    public init(from: DeviceID, to: DeviceID, latencySeconds: Double, bytesPerSecond: Double) {
        self.from = from
        self.to = to
        self.latencySeconds = latencySeconds
        self.bytesPerSecond = bytesPerSecond
    }

    private enum CodingKeys: String, CodingKey {
        case from, to
        case latencySeconds = "latency_s"
        case bytesPerSecond = "bytes_per_s"
    }
}
