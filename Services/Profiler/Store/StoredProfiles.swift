import Domain

/// What a device's measurements are kept under: hosts and device ids do not matter, equal hardware measures equally.
struct DeviceKey: Codable, Sendable, Hashable {
    var fingerprint: String
    var model: ModelDigest
    var threads: Int
    var computeShare: Double

    init(_ identity: DeviceIdentity, model: ModelDigest) {
        fingerprint = identity.fingerprint
        self.model = model
        threads = identity.threads
        computeShare = identity.computeShare
    }

    private enum CodingKeys: String, CodingKey {
        case fingerprint, model, threads
        case computeShare = "compute_share"
    }
}

/// One end of a link.
struct LinkEnd: Codable, Sendable, Hashable {
    var fingerprint: String
    /// Machines of equal hardware may hang on different networks.
    var host: String

    init(_ identity: DeviceIdentity) {
        fingerprint = identity.fingerprint
        host = identity.host
    }
}

/// What a link's measurement is kept under.
struct LinkKey: Codable, Sendable, Hashable {
    var from: LinkEnd
    var to: LinkEnd
}

/// A device's measurements as they are kept: one file.
struct StoredDevice: Codable, Sendable, Hashable {
    var key: DeviceKey
    /// What the prefill worker measured.
    var prefill: DeviceMeasurements?
    /// What the decoder worker measured.
    var decode: DeviceMeasurements?

    init(key: DeviceKey) { self.key = key }

    subscript(kind: WorkerKind) -> DeviceMeasurements? {
        get { kind == .prefill ? prefill : decode }
        set { if kind == .prefill { prefill = newValue } else { decode = newValue } }
    }
}

/// A link's measurement as it is kept: one file.
struct StoredLink: Codable, Sendable, Hashable {
    var key: LinkKey
    var latencySeconds: Double
    var bytesPerSecond: Double

    private enum CodingKeys: String, CodingKey {
        case key
        case latencySeconds = "latency_s"
        case bytesPerSecond = "bytes_per_s"
    }
}

/// All measurements that are known, from disk and from this run.
struct StoredProfiles: Sendable {
    private(set) var devices: [DeviceKey: StoredDevice] = [:]
    private(set) var links: [LinkKey: StoredLink] = [:]

    /// Nothing is known.
    init() {}

    /// Adds a device's measurements.
    mutating func insert(_ device: StoredDevice) { devices[device.key] = device }
    /// Adds a link's measurement.
    mutating func insert(_ link: StoredLink) { links[link.key] = link }
}
