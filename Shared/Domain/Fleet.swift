/// How far the profiler has come with a device.
public enum DeviceState: String, Codable, Sendable, Hashable, CaseIterable {
    /// Registered, not measured yet.
    case registered
    /// Being measured.
    case measuring
    /// Measured; the planner may use it.
    case ready
    /// Its heartbeats stopped; it keeps its profile.
    case lost
    /// It could not be measured; `DeviceProfile.problem` says why.
    case failed
}

/// One worker process of a device, as it registered.
public struct WorkerEndpoint: Codable, Sendable, Hashable {
    /// Which of the two processes.
    public var kind: WorkerKind
    /// The ZeroMQ endpoint of its data socket.
    public var endpoint: String
    /// The session of the process; a restart changes it.
    public var session: String
    /// Whether its heartbeats arrive.
    public var alive: Bool

    /// Makes an endpoint.
    public init(kind: WorkerKind, endpoint: String, session: String, alive: Bool) {
        self.kind = kind
        self.endpoint = endpoint
        self.session = session
        self.alive = alive
    }
}

/// A device with everything that is known and measured about it.
public struct DeviceProfile: Codable, Sendable, Hashable {
    /// The device.
    public var id: DeviceID
    /// Names the hardware and its settings; equal fingerprints have equal measurements.
    public var fingerprint: String
    /// The machine that it runs on; devices of one host are not measured at the same time.
    public var host: String
    /// Compute threads.
    public var threads: Int
    /// Share of its processors' time that it may use, 0.05...1.
    public var computeShare: Double
    /// Bytes that may be used for weights and KV cache.
    public var memoryUsableBytes: Int
    /// How far its profile is.
    public var state: DeviceState
    /// Why it is `failed`, for people.
    public var problem: String?
    /// Its worker processes.
    public var workers: [WorkerEndpoint]
    /// The measured tables, once measured.
    public var measurements: DeviceMeasurements?

    /// Makes a profile.
    public init(
        id: DeviceID, fingerprint: String, host: String, threads: Int, computeShare: Double, memoryUsableBytes: Int,
        state: DeviceState, problem: String? = nil, workers: [WorkerEndpoint] = [],
        measurements: DeviceMeasurements? = nil
    ) {
        self.id = id
        self.fingerprint = fingerprint
        self.host = host
        self.threads = threads
        self.computeShare = computeShare
        self.memoryUsableBytes = memoryUsableBytes
        self.state = state
        self.problem = problem
        self.workers = workers
        self.measurements = measurements
    }

    /// The live worker of a kind.
    public func worker(_ kind: WorkerKind) -> WorkerEndpoint? { workers.first { $0.kind == kind && $0.alive } }

    private enum CodingKeys: String, CodingKey {
        case id, fingerprint, host, threads, state, problem, workers, measurements
        case computeShare = "compute_share"
        case memoryUsableBytes = "memory_usable_bytes"
    }
}

/// All devices with their profiles and links, as the profiler publishes them.
public struct Fleet: Codable, Sendable, Hashable {
    /// Grows with every change.
    public var version: UInt64
    /// The model that the fleet serves; absent until the first worker has registered.
    public var model: ModelDescription?
    /// Devices in order of their ids.
    public var devices: [DeviceProfile]
    /// Measured links, in order of (from, to).
    public var links: [LinkProfile]

    /// Makes a fleet.
    public init(
        version: UInt64 = 0, model: ModelDescription? = nil, devices: [DeviceProfile] = [], links: [LinkProfile] = []
    ) {
        self.version = version
        self.model = model
        self.devices = devices
        self.links = links
    }

    /// The device with an id.
    public func device(_ id: DeviceID) -> DeviceProfile? { devices.first { $0.id == id } }
    /// The measured link between two devices.
    public func link(from: DeviceID, to: DeviceID) -> LinkProfile? { links.first { $0.from == from && $0.to == to } }
    /// Devices that the planner may use.
    public var usableDevices: [DeviceProfile] { devices.filter { $0.state == .ready } }
}
