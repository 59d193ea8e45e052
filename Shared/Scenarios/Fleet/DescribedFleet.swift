public import Domain

/// A fleet that is not at hand: its devices by figures, and its network.
public struct DescribedFleet: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// A line about it, for people.
    public var title: String
    /// Its devices.
    public var devices: [DescribedDevice]
    /// Its network; every device is a node of it.
    public var network: DescribedNetwork
    /// The node where requests enter.
    public var gateway: String
    /// By which share devices of a type differ, if they were drawn; their figures contain it already.
    public var jitter: Double?
    /// The seed that it was drawn with, if it was.
    public var seed: UInt64?

    /// Makes a fleet; nothing is checked before `check`.
    public init(
        name: String, title: String = "", devices: [DescribedDevice], network: DescribedNetwork, gateway: String,
        jitter: Double? = nil, seed: UInt64? = nil
    ) {
        self.name = name
        self.title = title
        self.devices = devices
        self.network = network
        self.gateway = gateway
        self.jitter = jitter
        self.seed = seed
    }

    /// The device with an id.
    public func device(_ id: DeviceID) -> DescribedDevice? { devices.first { $0.id == id } }
    /// The types of its devices, in order of their first device.
    public var types: [String] {
        var seen: Set<String> = []
        return devices.map(\.type).filter { seen.insert($0).inserted }
    }
}

extension DescribedFleet: Codable {
    private enum CodingKeys: String, CodingKey {
        case name, title, devices, network, gateway, jitter, seed
        case deviceCount = "n_devices"
    }

    /// Decodes a fleet; `title`, `jitter` and `seed` may be missing, `n_devices` is not read.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.decode(String.self, forKey: .name)
        title = try container.decodeIfPresent(String.self, forKey: .title) ?? ""
        devices = try container.decode([DescribedDevice].self, forKey: .devices)
        network = try container.decode(DescribedNetwork.self, forKey: .network)
        gateway = try container.decode(String.self, forKey: .gateway)
        jitter = try container.decodeIfPresent(Double.self, forKey: .jitter)
        // Only a note: a seed of another generator's form is no reason to refuse the fleet.
        seed = try? container.decodeIfPresent(UInt64.self, forKey: .seed)
    }

    /// Encodes the fleet as a fleet file has it.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(title, forKey: .title)
        try container.encode(devices.count, forKey: .deviceCount)
        try container.encode(devices, forKey: .devices)
        try container.encode(network, forKey: .network)
        try container.encode(gateway, forKey: .gateway)
        try container.encodeIfPresent(jitter, forKey: .jitter)
        try container.encodeIfPresent(seed, forKey: .seed)
    }
}
