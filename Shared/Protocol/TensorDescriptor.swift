public import Domain

/// Element type of a tensor frame; all are little-endian.
public enum ElementType: String, Codable, Sendable, Hashable, CaseIterable {
    /// 32-bit signed integers.
    case i32
    /// IEEE 754 half precision.
    case f16
    /// IEEE 754 single precision.
    case f32
    /// Bytes.
    case u8
    /// Blocks of 32 values along the innermost dimension: an f16 scale and 32 signed bytes (Q8_0 of the GGUF format).
    case q8_0

    /// Values of one block; the innermost dimension is a multiple of it.
    public var blockValues: Int { self == .q8_0 ? 32 : 1 }

    /// Bytes of one block.
    public var blockBytes: Int {
        switch self {
        case .i32, .f32: 4
        case .f16: 2
        case .u8: 1
        case .q8_0: 34
        }
    }
}

extension ElementType {
    /// The element type of a KV cache.
    public init(_ type: KVType) {
        switch type {
        case .f16: self = .f16
        case .q8_0: self = .q8_0
        }
    }

    /// The KV cache type that has these elements, `nil` for other elements.
    public var kvType: KVType? {
        switch self {
        case .f16: .f16
        case .q8_0: .q8_0
        case .i32, .f32, .u8: nil
        }
    }
}

/// Describes one tensor frame; the body lists them in the order of the frames.
public struct TensorDescriptor: Codable, Sendable, Hashable {
    /// What the tensor is, as the message type defines it.
    public var name: String
    /// Element type.
    public var dtype: ElementType
    /// Sizes, outermost first.
    public var shape: [Int]

    /// Makes a description.
    public init(name: String, dtype: ElementType, shape: [Int]) {
        self.name = name
        self.dtype = dtype
        self.shape = shape
    }

    /// Bytes that the frame must have, or `nil` where the shape is not allowed (more than 8 dimensions, negative sizes, an
    /// innermost dimension that is not whole blocks, or a product beyond `WireLimits.maximumFrameBytes`).
    public var byteCount: Int? {
        guard shape.count <= 8 else { return nil }
        var total = dtype.blockBytes
        guard dtype.blockValues == 1 || (shape.last ?? 1) % dtype.blockValues == 0 else { return nil }
        for (index, dimension) in shape.enumerated() {
            guard dimension >= 0 else { return nil }
            let size = index == shape.count - 1 ? dimension / dtype.blockValues : dimension
            let (product, overflow) = total.multipliedReportingOverflow(by: size)
            guard !overflow, product <= WireLimits.maximumFrameBytes else { return nil }
            total = product
        }
        return total
    }
}

/// The `tensors` key of any body; absent means none.
struct TensorList: Decodable {
    var tensors: [TensorDescriptor]?
}

/// Limits that every receiver checks before it uses a count or allocates.
public enum WireLimits {
    /// Most bytes of one tensor frame.
    public static let maximumFrameBytes = 64 << 20
    /// Most bytes of the envelope.
    public static let maximumEnvelopeBytes = 16 << 10
    /// Most bytes of a JSON body.
    public static let maximumBodyBytes = 16 << 20
    /// Most tensor frames of one message.
    public static let maximumTensors = 32
    /// Most bytes of an identifier or a message type.
    public static let maximumNameBytes = 256
}
