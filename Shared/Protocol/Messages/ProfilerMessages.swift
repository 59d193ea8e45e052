public import Domain

/// Messages of the profiler: its registry socket, what it asks of workers, and what it publishes.
extension MessageType {
    /// worker -> profiler: `RegisterDevice`; reply `DeviceRegistered`.
    public static let deviceRegister: MessageType = "device.register"
    /// Reply to `device.register`.
    public static let deviceRegistered: MessageType = "device.registered"
    /// worker -> profiler every second: `DeviceHeartbeat`; answered with the same type and an empty body.
    public static let deviceHeartbeat: MessageType = "device.heartbeat"
    /// worker -> profiler: it is leaving in an orderly way: `DeviceHeartbeat`; no reply.
    public static let deviceLeave: MessageType = "device.leave"
    /// anyone -> profiler: empty body; reply `fleet.snapshot`.
    public static let fleetGet: MessageType = "fleet.get"
    /// Reply to `fleet.get`, and published on every change: `Fleet`.
    public static let fleetSnapshot: MessageType = "fleet.snapshot"
    /// profiler -> worker: `MeasureProfile`; reply `profile.result`: `DeviceMeasurements`.
    public static let profileMeasure: MessageType = "profile.measure"
    /// Reply to `profile.measure`: `DeviceMeasurements`.
    public static let profileResult: MessageType = "profile.result"
    /// profiler -> worker: `MeasureLink`; reply `LinkResult`.
    public static let linkMeasure: MessageType = "link.measure"
    /// Reply to `link.measure`.
    public static let linkResult: MessageType = "link.result"
    /// Any message that could not be answered otherwise: `Fault`.
    public static let error: MessageType = "error"
    /// Asks any ROUTER whether its service lives; answered with `pong`. Both bodies are empty.
    public static let ping: MessageType = "ping"
    /// Reply to `ping`.
    public static let pong: MessageType = "pong"
}

/// A worker introduces itself to the profiler.
public struct RegisterDevice: Codable, Sendable, Hashable {
    /// The device.
    public var device: DeviceID
    /// Which of its two workers.
    public var worker: WorkerKind
    /// The machine that it runs on.
    public var host: String
    /// Names the hardware and its settings.
    public var fingerprint: String
    /// Compute threads.
    public var threads: Int
    /// Share of the processors' time, 0.05...1.
    public var computeShare: Double
    /// Bytes that it may use for weights and KV cache.
    public var memoryUsableBytes: Int
    /// Its data endpoint.
    public var dataEndpoint: String
    /// The model that it would load.
    public var model: ModelDescription
    /// Minor version of the protocol that it speaks.
    public var protocolMinor: Int
    /// Optional abilities, by name.
    public var capabilities: [String]

    /// Makes the body.
    public init(
        device: DeviceID, worker: WorkerKind, host: String, fingerprint: String, threads: Int, computeShare: Double,
        memoryUsableBytes: Int, dataEndpoint: String, model: ModelDescription,
        protocolMinor: Int = ProtocolVersion.minor, capabilities: [String] = []
    ) {
        self.device = device
        self.worker = worker
        self.host = host
        self.fingerprint = fingerprint
        self.threads = threads
        self.computeShare = computeShare
        self.memoryUsableBytes = memoryUsableBytes
        self.dataEndpoint = dataEndpoint
        self.model = model
        self.protocolMinor = protocolMinor
        self.capabilities = capabilities
    }

    private enum CodingKeys: String, CodingKey {
        case device, worker, host, fingerprint, threads, model, capabilities
        case computeShare = "compute_share"
        case memoryUsableBytes = "memory_usable_bytes"
        case dataEndpoint = "data_endpoint"
        case protocolMinor = "protocol_minor"
    }
}

/// The profiler accepted a registration.
public struct DeviceRegistered: Codable, Sendable, Hashable {
    /// How often the worker must send a heartbeat.
    public var heartbeatMilliseconds: Int
    /// After how long without one it counts as lost.
    public var lostAfterMilliseconds: Int

    /// Makes the body.
    public init(heartbeatMilliseconds: Int, lostAfterMilliseconds: Int) {
        self.heartbeatMilliseconds = heartbeatMilliseconds
        self.lostAfterMilliseconds = lostAfterMilliseconds
    }

    private enum CodingKeys: String, CodingKey {
        case heartbeatMilliseconds = "heartbeat_ms"
        case lostAfterMilliseconds = "lost_after_ms"
    }
}

/// A worker is alive.
public struct DeviceHeartbeat: Codable, Sendable, Hashable {
    /// The device.
    public var device: DeviceID
    /// Which of its workers.
    public var worker: WorkerKind
    /// Resident memory of the process.
    public var residentBytes: Int

    /// Makes the body.
    public init(device: DeviceID, worker: WorkerKind, residentBytes: Int) {
        self.device = device
        self.worker = worker
        self.residentBytes = residentBytes
    }

    private enum CodingKeys: String, CodingKey {
        case device, worker
        case residentBytes = "resident_bytes"
    }
}

/// Asks a worker to measure itself on a few layers.
public struct MeasureProfile: Codable, Sendable, Hashable {
    /// Which phases to measure; the LM head is measured with decode.
    public var phases: [Phase]
    /// How many layers to load for it.
    public var layers: Int
    /// Seconds that each phase may take, about.
    public var budgetSeconds: Double

    /// Makes the body.
    public init(phases: [Phase], layers: Int = 2, budgetSeconds: Double = 3) {
        self.phases = phases
        self.layers = layers
        self.budgetSeconds = budgetSeconds
    }

    private enum CodingKeys: String, CodingKey {
        case phases, layers
        case budgetSeconds = "budget_s"
    }
}

/// Asks a worker to measure its link to another device by echoes over the data sockets.
public struct MeasureLink: Codable, Sendable, Hashable {
    /// The other device.
    public var peer: DeviceID
    /// Its data endpoint.
    public var endpoint: String
    /// Bytes of the large echoes.
    public var payloadBytes: Int
    /// Echoes of each kind; the median counts.
    public var repetitions: Int

    /// Makes the body.
    public init(peer: DeviceID, endpoint: String, payloadBytes: Int = 262_144, repetitions: Int = 5) {
        self.peer = peer
        self.endpoint = endpoint
        self.payloadBytes = payloadBytes
        self.repetitions = repetitions
    }

    private enum CodingKeys: String, CodingKey {
        case peer, endpoint, repetitions
        case payloadBytes = "payload_bytes"
    }
}

/// A measured link, in the direction from the measuring device to its peer.
public struct LinkResult: Codable, Sendable, Hashable {
    /// The link; its latency is half of the median round trip of an empty echo.
    public var link: LinkProfile

    /// Makes the body.
    public init(link: LinkProfile) { self.link = link }
}
