/// How the values of a KV cache are stored, in memory and on the wire.
public enum KVType: String, Codable, Sendable, Hashable, CaseIterable {
    /// 16 bits per value.
    case f16
    /// 8 bits per value and an f16 scale per 32 components of a head: 34 bytes instead of 64.
    case q8_0
}
