/// How the values of a KV cache are stored: in memory and on the wire, one type for a plan.
public enum KVType: String, Codable, Sendable, Hashable, CaseIterable {
    /// 16 bits per value.
    case f16
    /// 8 bits per value and an f16 scale per 32 components of a head: 34 bytes instead of 64.
    case q8_0

    /// Share of the f16 bytes.
    public var bytesShare: Double { self == .f16 ? 1 : 34.0 / 64 }
    /// Components of a head that are stored together: its width must be a multiple.
    public var components: Int { self == .f16 ? 1 : 32 }
}
