public import Domain
internal import Kernels

/// The sizes that a KV cache needs to know of a model.
public struct KVShape: Sendable, Hashable {
    /// Key and value heads.
    public var kvHeads: Int
    /// Width of one head.
    public var headDim: Int
    /// How values are stored.
    public var type: KVType

    /// Makes a shape.
    public init(kvHeads: Int, headDim: Int, type: KVType = .f16) {
        self.kvHeads = kvHeads
        self.headDim = headDim
        self.type = type
    }

    /// Bytes of keys and values of one token in one layer, stored as `type` (that of the cache where it is `nil`).
    public func bytesPerTokenPerLayer(as type: KVType? = nil) -> Int {
        2 * kvHeads * e2_kv_row_bytes((type ?? self.type).kernelType, Int32(headDim))
    }
}

extension KVType {
    var kernelType: e2_kv_type {
        switch self {
        case .f16: E2_KV_F16
        case .q8_0: E2_KV_Q8_0
        }
    }
}
