public import Domain

/// A kind of hardware with the figures that it sustains, in the units of fleet files.
public struct DeviceType: Sendable, Hashable {
    /// Its name in fleet files.
    public let name: String
    /// What the ids of such devices start with.
    public let prefix: String
    /// Sustained FLOP/s in batched matrix products on Q4 weights.
    public let flopsPrefill: Double
    /// The same on f16 weights.
    public let flopsFP16: Double
    /// The same on int8 weights.
    public let flopsInt8: Double
    /// Sustained memory bandwidth, bytes/s.
    public let memoryBandwidth: Double
    /// Bytes for weights and KV cache on a device that does nothing else.
    public let memoryUsableBytes: Int
    /// Fixed seconds per layer and pass.
    public let layerOverheadSeconds: Double
    /// Typical watts under load.
    public let powerWatts: Double
    /// Whether such devices are often on Wi-Fi.
    public let wireless: Bool

    /// The type with a name.
    public static func named(_ name: String) -> DeviceType? { catalogue.first { $0.name == name } }

    /// A device of this type.
    public func device(id: DeviceID, site: String = "", access: String = "") -> DescribedDevice {
        DescribedDevice(
            id: id, type: name, site: site, access: access, flopsPrefill: flopsPrefill, flopsFP16: flopsFP16,
            flopsInt8: flopsInt8, memoryBandwidth: memoryBandwidth, memoryUsableBytes: memoryUsableBytes,
            layerOverheadSeconds: layerOverheadSeconds, powerWatts: powerWatts)
    }
}
