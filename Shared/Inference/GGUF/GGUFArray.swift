/// An array in the metadata of a file: its place in the map, checked when the file was opened, decoded on demand.
///
/// Vocabularies have hundreds of thousands of strings; opening a file only walks over their lengths.
public struct GGUFArray: Sendable {
    /// Type of the elements; never `array`.
    public let elementType: GGUFValueType
    /// Number of elements.
    public let count: Int
    let map: FileMap
    /// The elements' bytes: string lengths and strings lie inside, numbers are dense.
    let range: Range<Int>

    /// Calls `body` with the bytes of every string, in order; the bytes are valid during the call.
    ///
    /// - Throws: what `body` throws. Elements of another type are skipped: check `elementType` first.
    public func forEachString(_ body: (_ index: Int, _ bytes: UnsafeRawBufferPointer) throws -> Void) rethrows {
        guard elementType == .string else { return }
        var offset = range.lowerBound
        for index in 0..<count {
            let length = Int(map.load(UInt64.self, at: offset))
            offset += 8
            unsafe try body(index, map.bytes(offset..<offset + length))
            offset += length
        }
    }

    /// All strings; invalid UTF-8 is replaced. `nil` where the elements are not strings.
    public var strings: [String]? {
        guard elementType == .string else { return nil }
        var result: [String] = []
        result.reserveCapacity(count)
        unsafe forEachString { _, bytes in unsafe result.append(String(decoding: bytes, as: UTF8.self)) }
        return result
    }

    /// All elements as whole numbers. `nil` where the elements are not integers or one does not fit.
    public var integers: [Int]? {
        switch elementType {
        case .uint8: decode(UInt8.self)
        case .int8: decode(Int8.self)
        case .uint16: decode(UInt16.self)
        case .int16: decode(Int16.self)
        case .uint32: decode(UInt32.self)
        case .int32: decode(Int32.self)
        case .uint64: decode(UInt64.self)
        case .int64: decode(Int64.self)
        case .float32, .float64, .bool, .string, .array: nil
        }
    }

    /// All elements as numbers. `nil` where the elements are not numbers.
    public var numbers: [Double]? {
        switch elementType {
        case .float32:
            (0..<count).map { Double(Float(bitPattern: map.load(UInt32.self, at: range.lowerBound + $0 * 4))) }
        case .float64:
            (0..<count).map { Double(bitPattern: map.load(UInt64.self, at: range.lowerBound + $0 * 8)) }
        default: integers?.map(Double.init)
        }
    }

    private func decode<Element: FixedWidthInteger>(_: Element.Type) -> [Int]? {
        var result: [Int] = []
        result.reserveCapacity(count)
        for index in 0..<count {
            let element = map.load(Element.self, at: range.lowerBound + index * MemoryLayout<Element>.size)
            guard let value = Int(exactly: element) else { return nil }
            result.append(value)
        }
        return result
    }
}
