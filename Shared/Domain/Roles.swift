/// The two phases of a request: processing the prompt, and generating tokens one step at a time.
public enum Phase: String, Codable, Sendable, Hashable, CaseIterable {
    /// Processing the prompt.
    case prefill
    /// Generating tokens.
    case decode
}

/// What a replica does.
public enum ReplicaRole: String, Codable, Sendable, Hashable, CaseIterable {
    /// Processes prompts and hands the KV cache over.
    case prefill
    /// Receives KV caches and generates tokens.
    case decode
    /// Does both on the same devices.
    case mixed

    /// The phases that a replica of this role can serve.
    public var phases: Set<Phase> {
        switch self {
        case .prefill: [.prefill]
        case .decode: [.decode]
        case .mixed: [.prefill, .decode]
        }
    }

    /// The worker process that serves a stage of this role; mixed replicas are served by decoder workers.
    public var workerKind: WorkerKind { self == .prefill ? .prefill : .decode }
}

/// The two worker processes of a device.
public enum WorkerKind: String, Codable, Sendable, Hashable, CaseIterable {
    /// The `prefill-worker` process.
    case prefill
    /// The `decoder-worker` process.
    case decode
}

/// A contiguous range of layers, half-open: `start..<end`.
public struct LayerRange: Codable, Sendable, Hashable, CustomStringConvertible {
    /// The first layer.
    public let start: Int
    /// The layer after the last one.
    public let end: Int

    /// Makes a range; an end before the start gives an empty range.
    public init(_ start: Int, _ end: Int) {
        self.start = start
        self.end = max(start, end)
    }

    /// How many layers the range holds.
    public var count: Int { end - start }
    /// Whether the range holds no layer.
    public var isEmpty: Bool { end <= start }
    /// The layers as a Swift range.
    public var range: Range<Int> { start..<end }
    /// Whether `layer` lies in the range.
    public func contains(_ layer: Int) -> Bool { layer >= start && layer < end }
    /// The layers that both ranges hold, or `nil` where they share none.
    public func intersection(_ other: LayerRange) -> LayerRange? {
        let low = max(start, other.start)
        let high = min(end, other.end)
        return low < high ? LayerRange(low, high) : nil
    }
    /// `start..<end`.
    public var description: String { "\(start)..<\(end)" }

    /// Decodes and checks a range.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let start = try container.decode(Int.self, forKey: .start)
        let end = try container.decode(Int.self, forKey: .end)
        guard start >= 0, end >= start, end <= 1 << 20 else {
            throw DecodingError.dataCorruptedError(
                forKey: .end, in: container, debugDescription: "a layer range must have 0 <= start <= end")
        }
        self.start = start
        self.end = end
    }

    private enum CodingKeys: String, CodingKey {
        case start, end
    }
}
