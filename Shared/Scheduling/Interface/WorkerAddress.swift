public import Domain

/// One of the two workers of a device, whichever process it runs in at the moment.
public struct WorkerKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The device.
    public var device: DeviceID
    /// Which of its workers.
    public var kind: WorkerKind

    /// Makes a key.
    public init(_ device: DeviceID, _ kind: WorkerKind) {
        self.device = device
        self.kind = kind
    }

    /// Device, then kind: an order that does not depend on hashing.
    public static func < (left: WorkerKey, right: WorkerKey) -> Bool {
        left.device == right.device ? left.kind.rawValue < right.kind.rawValue : left.device < right.device
    }
    /// `device/kind`.
    public var description: String { "\(device)/\(kind.rawValue)" }
}

/// One process of a worker: a restart changes its session, and instructions for the old process must not reach the new.
public struct WorkerAddress: Hashable, Sendable, CustomStringConvertible {
    /// The worker.
    public var key: WorkerKey
    /// The session of its process.
    public var session: String

    /// Makes an address.
    public init(_ key: WorkerKey, session: String) {
        self.key = key
        self.session = session
    }

    /// Device, kind and session.
    public var description: String { "\(key)#\(session)" }
}
