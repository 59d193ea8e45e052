/// How the values of a tensor are stored, by its number in the file; rows are whole blocks.
public struct GGUFTensorType: RawRepresentable, Sendable, Hashable {
    /// The number in the file.
    public let rawValue: UInt32
    /// Values in one block.
    public let blockValues: Int
    /// Bytes of one block.
    public let blockBytes: Int
    /// The usual name, such as `Q4_0`.
    public let name: String

    /// A type that GGUF defines; `nil` for other numbers.
    public init?(rawValue: UInt32) {
        guard let known = Self.known[rawValue] else { return nil }
        self = known
    }

    private init(_ rawValue: UInt32, _ name: String, _ blockValues: Int, _ blockBytes: Int) {
        self.rawValue = rawValue
        self.name = name
        self.blockValues = blockValues
        self.blockBytes = blockBytes
    }

    private static let known: [UInt32: Self] = {
        let types: [Self] = [
            Self(0, "F32", 1, 4), Self(1, "F16", 1, 2), Self(2, "Q4_0", 32, 18), Self(3, "Q4_1", 32, 20),
            Self(6, "Q5_0", 32, 22), Self(7, "Q5_1", 32, 24), Self(8, "Q8_0", 32, 34), Self(9, "Q8_1", 32, 36),
            Self(10, "Q2_K", 256, 84), Self(11, "Q3_K", 256, 110), Self(12, "Q4_K", 256, 144),
            Self(13, "Q5_K", 256, 176), Self(14, "Q6_K", 256, 210), Self(15, "Q8_K", 256, 292),
            Self(16, "IQ2_XXS", 256, 66), Self(17, "IQ2_XS", 256, 74), Self(18, "IQ3_XXS", 256, 98),
            Self(19, "IQ1_S", 256, 50), Self(20, "IQ4_NL", 32, 18), Self(21, "IQ3_S", 256, 110),
            Self(22, "IQ2_S", 256, 82), Self(23, "IQ4_XS", 256, 136), Self(24, "I8", 1, 1), Self(25, "I16", 1, 2),
            Self(26, "I32", 1, 4), Self(27, "I64", 1, 8), Self(28, "F64", 1, 8), Self(29, "IQ1_M", 256, 56),
            Self(30, "BF16", 1, 2), Self(34, "TQ1_0", 256, 54), Self(35, "TQ2_0", 256, 66),
            Self(39, "MXFP4", 32, 17), Self(40, "NVFP4", 64, 36), Self(41, "Q1_0", 128, 18),
        ]
        return Dictionary(uniqueKeysWithValues: types.map { ($0.rawValue, $0) })
    }()
}

extension GGUFTensorType: CustomStringConvertible {
    /// The usual name.
    public var description: String { name }
}
