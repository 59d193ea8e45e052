/// How the matrices of a tiny model are stored.
public enum TinyModelFormat: String, Sendable, CaseIterable {
    case f32, f16, q4_0, q4_1, q8_0

    /// The GGUF type number.
    public var ggufType: UInt32 {
        switch self {
        case .f32: 0
        case .f16: 1
        case .q4_0: 2
        case .q4_1: 3
        case .q8_0: 8
        }
    }

    /// Encodes values (a multiple of 32 of them) the way the reference quantisers of GGUF do.
    public func encode(_ values: [Float]) -> [UInt8] {
        var bytes: [UInt8] = []
        switch self {
        case .f32:
            for value in values { Self.append(value.bitPattern, to: &bytes) }
        case .f16:
            for value in values { Self.append(Float16(value).bitPattern, to: &bytes) }
        case .q4_0, .q4_1, .q8_0:
            precondition(values.count % 32 == 0, "quantised tensors hold whole blocks of 32")
            for start in stride(from: 0, to: values.count, by: 32) {
                encodeBlock(values[start..<start + 32], into: &bytes)
            }
        }
        return bytes
    }

    private func encodeBlock(_ block: ArraySlice<Float>, into bytes: inout [UInt8]) {
        let low = block.min() ?? 0
        let high = block.max() ?? 0
        switch self {
        case .q4_0:
            let extreme = -low > high ? low : high
            let scale = extreme / -8
            let inverse = scale == 0 ? 0 : 1 / scale
            Self.append(Float16(scale).bitPattern, to: &bytes)
            Self.appendNibbles(block.map { min(15, max(0, Int($0 * inverse + 8.5))) }, to: &bytes)
        case .q4_1:
            let scale = (high - low) / 15
            let inverse = scale == 0 ? 0 : 1 / scale
            Self.append(Float16(scale).bitPattern, to: &bytes)
            Self.append(Float16(low).bitPattern, to: &bytes)
            Self.appendNibbles(block.map { min(15, max(0, Int(($0 - low) * inverse + 0.5))) }, to: &bytes)
        default:
            let scale = max(-low, high) / 127
            let inverse = scale == 0 ? 0 : 1 / scale
            Self.append(Float16(scale).bitPattern, to: &bytes)
            for value in block { bytes.append(UInt8(bitPattern: Int8((value * inverse).rounded()))) }
        }
    }

    private static func appendNibbles(_ values: [Int], to bytes: inout [UInt8]) {
        for index in 0..<16 { bytes.append(UInt8(values[index] | values[index + 16] << 4)) }
    }

    private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
}
