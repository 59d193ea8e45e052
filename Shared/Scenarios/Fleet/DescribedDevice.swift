public import Domain

/// A device that is described by figures rather than measured.
public struct DescribedDevice: Sendable, Hashable {
    /// The device; also the name of its node in the network.
    public var id: DeviceID
    /// The kind of hardware, for example `rpi5-8gb`.
    public var type: String
    /// Where it stands, for people.
    public var site: String
    /// The kind of its link, for people (`1gbe`, `wifi5`, ...).
    public var access: String
    /// Sustained FLOP/s in batched matrix products on Q4 weights (one multiply-add is 2 FLOP); what costs are made of.
    public var flopsPrefill: Double
    /// The same on f16 weights, for information.
    public var flopsFP16: Double?
    /// The same on int8 weights, for information.
    public var flopsInt8: Double?
    /// Sustained memory bandwidth, bytes/s.
    public var memoryBandwidth: Double
    /// Bytes that a worker may use for weights and KV cache.
    public var memoryUsableBytes: Int
    /// Fixed seconds per layer and pass (launches, barriers).
    public var layerOverheadSeconds: Double
    /// Typical power under load in watts, for information.
    public var powerWatts: Double?

    /// Makes a description; nothing is checked before `DescribedFleet.check`.
    public init(
        id: DeviceID, type: String, site: String = "", access: String = "", flopsPrefill: Double,
        flopsFP16: Double? = nil, flopsInt8: Double? = nil, memoryBandwidth: Double, memoryUsableBytes: Int,
        layerOverheadSeconds: Double, powerWatts: Double? = nil
    ) {
        self.id = id
        self.type = type
        self.site = site
        self.access = access
        self.flopsPrefill = flopsPrefill
        self.flopsFP16 = flopsFP16
        self.flopsInt8 = flopsInt8
        self.memoryBandwidth = memoryBandwidth
        self.memoryUsableBytes = memoryUsableBytes
        self.layerOverheadSeconds = layerOverheadSeconds
        self.powerWatts = powerWatts
    }
}

extension DescribedDevice: Codable {
    enum CodingKeys: String, CodingKey {
        case id, type, site, access
        case flopsPrefill = "flops_prefill"
        case flopsFP16 = "flops_fp16"
        case flopsInt8 = "flops_int8"
        case memoryBandwidth = "mem_bw_Bps"
        case memoryUsableBytes = "mem_usable_bytes"
        case layerOverheadSeconds = "layer_overhead_s"
        case powerWatts = "power_w"
    }

    /// Decodes a device; `site` and `access` may be missing, and a fraction of a byte is dropped.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        id = try container.decode(DeviceID.self, forKey: .id)
        type = try container.decode(String.self, forKey: .type)
        site = try container.decodeIfPresent(String.self, forKey: .site) ?? ""
        access = try container.decodeIfPresent(String.self, forKey: .access) ?? ""
        flopsPrefill = try container.decode(Double.self, forKey: .flopsPrefill)
        flopsFP16 = try container.decodeIfPresent(Double.self, forKey: .flopsFP16)
        flopsInt8 = try container.decodeIfPresent(Double.self, forKey: .flopsInt8)
        memoryBandwidth = try container.decode(Double.self, forKey: .memoryBandwidth)
        let memory = try container.decode(Double.self, forKey: .memoryUsableBytes)
        guard memory.magnitude <= 0x1p62 else {
            throw DecodingError.dataCorruptedError(
                forKey: .memoryUsableBytes, in: container, debugDescription: "\(memory) is too large")
        }
        memoryUsableBytes = Int(memory.rounded(.down))
        layerOverheadSeconds = try container.decode(Double.self, forKey: .layerOverheadSeconds)
        powerWatts = try container.decodeIfPresent(Double.self, forKey: .powerWatts)
    }
}
