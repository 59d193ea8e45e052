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

    /// Bytes of one element.
    public var byteCount: Int {
        switch self {
        case .i32, .f32: 4
        case .f16: 2
        case .u8: 1
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

    /// Bytes that the frame must have, or `nil` where the shape is not allowed (more than 8 dimensions, negative sizes,
    /// or a product beyond `WireLimits.maximumFrameBytes`).
    public var byteCount: Int? {
        guard shape.count <= 8 else { return nil }
        var total = dtype.byteCount
        for size in shape {
            guard size >= 0 else { return nil }
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
