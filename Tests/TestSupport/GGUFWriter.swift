/// A metadata value for `GGUFWriter`.
public indirect enum GGUFWriterValue: Sendable {
    case uint8(UInt8)
    case int8(Int8)
    case uint16(UInt16)
    case int16(Int16)
    case uint32(UInt32)
    case int32(Int32)
    case uint64(UInt64)
    case int64(Int64)
    case float32(Float)
    case float64(Double)
    case bool(Bool)
    case string(String)
    /// Any bytes as a string.
    case bytes([UInt8])
    /// An array of the given type number; elements are written as they are, so that they may contradict it.
    case array(type: UInt32, [GGUFWriterValue])
    /// A type number and bytes that need not make sense.
    case raw(type: UInt32, [UInt8])

    /// An array of strings.
    public static func strings(_ values: [String]) -> Self { .array(type: 8, values.map { .string($0) }) }
    /// An array of 32-bit integers.
    public static func int32s(_ values: [Int32]) -> Self { .array(type: 5, values.map { .int32($0) }) }
    /// An array of 32-bit numbers.
    public static func float32s(_ values: [Float]) -> Self { .array(type: 6, values.map { .float32($0) }) }

    var type: UInt32 {
        switch self {
        case .uint8: 0
        case .int8: 1
        case .uint16: 2
        case .int16: 3
        case .uint32: 4
        case .int32: 5
        case .float32: 6
        case .bool: 7
        case .string, .bytes: 8
        case .array: 9
        case .uint64: 10
        case .int64: 11
        case .float64: 12
        case .raw(let type, _): type
        }
    }

    func write(to bytes: inout [UInt8]) {
        switch self {
        case .uint8(let value): bytes.append(value)
        case .int8(let value): bytes.append(UInt8(bitPattern: value))
        case .uint16(let value): bytes.append(little: value)
        case .int16(let value): bytes.append(little: value)
        case .uint32(let value): bytes.append(little: value)
        case .int32(let value): bytes.append(little: value)
        case .uint64(let value): bytes.append(little: value)
        case .int64(let value): bytes.append(little: value)
        case .float32(let value): bytes.append(little: value.bitPattern)
        case .float64(let value): bytes.append(little: value.bitPattern)
        case .bool(let value): bytes.append(value ? 1 : 0)
        case .string(let value): bytes.append(prefixed: Array(value.utf8))
        case .bytes(let value): bytes.append(prefixed: value)
        case .array(let type, let elements):
            bytes.append(little: type)
            bytes.append(little: UInt64(elements.count))
            for element in elements { element.write(to: &bytes) }
        case .raw(_, let value): bytes += value
        }
    }
}

/// Makes GGUF files for tests: correct ones by default, wrong ones where a property is set to something wrong.
public struct GGUFWriter: Sendable {
    /// A tensor to write.
    public struct Tensor: Sendable {
        /// Its name.
        public var name: String
        /// Its shape, row length first.
        public var shape: [UInt64]
        /// Its type number.
        public var type: UInt32
        /// Its bytes.
        public var bytes: [UInt8]
        /// Its offset, where it shall differ from the right one.
        public var offset: UInt64?

        /// Makes a tensor.
        public init(_ name: String, shape: [UInt64], type: UInt32 = 0, bytes: [UInt8], offset: UInt64? = nil) {
            self.name = name
            self.shape = shape
            self.type = type
            self.bytes = bytes
            self.offset = offset
        }
    }

    /// The first four bytes.
    public var magic: [UInt8] = Array("GGUF".utf8)
    /// The version.
    public var version: UInt32 = 3
    /// Keys and values in order; keys may repeat.
    public var metadata: [(key: String, value: GGUFWriterValue)] = []
    /// The tensors.
    public var tensors: [Tensor] = []
    /// What offsets and data are padded to; not written as `general.alignment`.
    public var alignment = 32
    /// The number of keys in the header, where it shall differ from the right one.
    public var keyCount: UInt64?
    /// The number of tensors in the header, where it shall differ from the right one.
    public var tensorCount: UInt64?

    /// Makes an empty file of version 3.
    public init() {}

    /// Adds a key.
    public mutating func add(_ key: String, _ value: GGUFWriterValue) { metadata.append((key, value)) }

    /// The whole file.
    public func bytes() -> [UInt8] {
        var result = magic
        result.append(little: version)
        result.append(little: tensorCount ?? UInt64(tensors.count))
        result.append(little: keyCount ?? UInt64(metadata.count))
        for (key, value) in metadata {
            result.append(prefixed: Array(key.utf8))
            result.append(little: value.type)
            value.write(to: &result)
        }
        var data: [UInt8] = []
        for tensor in tensors {
            result.append(prefixed: Array(tensor.name.utf8))
            result.append(little: UInt32(tensor.shape.count))
            for extent in tensor.shape { result.append(little: extent) }
            result.append(little: tensor.type)
            result.append(little: tensor.offset ?? UInt64(data.count))
            data += tensor.bytes
            data.pad(to: alignment)
        }
        if !tensors.isEmpty { result.pad(to: alignment) }
        return result + data
    }
}

extension [UInt8] {
    mutating func append(little value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }

    mutating func append(prefixed bytes: [UInt8]) {
        append(little: UInt64(bytes.count))
        append(contentsOf: bytes)
    }

    mutating func pad(to alignment: Int) {
        while count % alignment != 0 { append(0) }
    }
}
