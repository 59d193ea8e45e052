/// The load of one worker, with counters that only grow while it runs.
public struct WorkerLoad: Codable, Sendable, Hashable {
    /// Sequences that wait on its stages.
    public var waiting: Int
    /// Sequences that run on its stages.
    public var running: Int
    /// Tokens of KV cache in use.
    public var kvUsedTokens: Int
    /// Tokens among them that sequences have taken beyond what was reserved for them; absent means none.
    public var kvGrownTokens: Int?
    /// Resident memory of the process.
    public var residentBytes: Int
    /// What it has computed.
    public var counters: StageCounters

    /// Makes a report.
    public init(
        waiting: Int = 0, running: Int = 0, kvUsedTokens: Int = 0, kvGrownTokens: Int? = nil,
        residentBytes: Int = 0, counters: StageCounters = StageCounters()
    ) {
        self.waiting = waiting
        self.running = running
        self.kvUsedTokens = kvUsedTokens
        self.kvGrownTokens = kvGrownTokens
        self.residentBytes = residentBytes
        self.counters = counters
    }

    private enum CodingKeys: String, CodingKey {
        case waiting, running, counters
        case kvUsedTokens = "kv_used_tokens"
        case kvGrownTokens = "kv_grown_tokens"
        case residentBytes = "resident_bytes"
    }
}

/// A worker is alive, and what it does. The fields of the load stand beside the names of device and worker.
public struct WorkerHeartbeat: Codable, Sendable, Hashable {
    /// The device.
    public var device: DeviceID
    /// Which of its workers.
    public var worker: WorkerKind
    /// What it does.
    public var load: WorkerLoad

    /// Makes the body.
    public init(device: DeviceID, worker: WorkerKind, load: WorkerLoad) {
        self.device = device
        self.worker = worker
        self.load = load
    }

    private enum CodingKeys: String, CodingKey {
        case device, worker
    }

    /// Reads the fields side by side.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        device = try container.decode(DeviceID.self, forKey: .device)
        worker = try container.decode(WorkerKind.self, forKey: .worker)
        load = try WorkerLoad(from: decoder)
    }

    /// Writes the fields side by side.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(device, forKey: .device)
        try container.encode(worker, forKey: .worker)
        try load.encode(to: encoder)
    }
}
