public import Domain

/// Something that happens to a device during a run.
public struct SimulatedFault: Codable, Sendable, Hashable {
    /// What happens.
    public enum Kind: String, Codable, Sendable, Hashable, CaseIterable {
        /// The device stops without a word; what it held is gone.
        case fail
        /// The device is there, with nothing loaded: for the first time, or again.
        case join
        /// The device computes `factor` times as slowly from now on.
        case slow
    }

    /// The device.
    public var device: DeviceID
    /// What happens.
    public var kind: Kind
    /// When, in seconds from the start.
    public var time: Double
    /// With `slow`: times as long as measured; 1 ends it.
    public var factor: Double?

    /// Makes a fault.
    public init(device: DeviceID, kind: Kind, time: Double, factor: Double? = nil) {
        self.device = device
        self.kind = kind
        self.time = time
        self.factor = factor
    }

    private enum CodingKeys: String, CodingKey {
        case device, kind, factor
        case time = "time_s"
    }
}
