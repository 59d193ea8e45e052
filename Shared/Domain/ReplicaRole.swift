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
