/// Reads the key-value part of a header.
enum GGUFMetadataReader {
    private static let maxKeyBytes = 65_535
    /// Key, type and value of the shortest entry.
    static let minEntryBytes = 8 + 1 + 4 + 1

    /// Reads `count` entries; `cursor` stands behind them afterwards.
    static func read(_ cursor: inout GGUFCursor, count: Int) throws -> GGUFMetadata {
        var values: [String: GGUFValue] = [:]
        var keys: [String] = []
        for index in 0..<count {
            let key = try cursor.readName(maxBytes: maxKeyBytes, "key \(index)")
            let type = try readType(&cursor, key)
            let value = try readValue(&cursor, key, type)
            guard values.updateValue(value, forKey: key) == nil else {
                throw InferenceError(.invalidFile, "\(key) is in the header twice")
            }
            keys.append(key)
        }
        return GGUFMetadata(values: values, keys: keys)
    }

    private static func readType(_ cursor: inout GGUFCursor, _ key: String) throws -> GGUFValueType {
        let number = try cursor.read(UInt32.self, "the type of \(key)")
        guard let type = GGUFValueType(rawValue: number) else {
            throw InferenceError(.invalidFile, "\(key) has the unknown type \(number)")
        }
        return type
    }

    private static func readValue(
        _ cursor: inout GGUFCursor, _ key: String, _ type: GGUFValueType
    ) throws -> GGUFValue {
        switch type {
        case .uint8: .unsigned(UInt64(try cursor.read(UInt8.self, key)), type)
        case .uint16: .unsigned(UInt64(try cursor.read(UInt16.self, key)), type)
        case .uint32: .unsigned(UInt64(try cursor.read(UInt32.self, key)), type)
        case .uint64: .unsigned(try cursor.read(UInt64.self, key), type)
        case .int8: .signed(Int64(try cursor.read(Int8.self, key)), type)
        case .int16: .signed(Int64(try cursor.read(Int16.self, key)), type)
        case .int32: .signed(Int64(try cursor.read(Int32.self, key)), type)
        case .int64: .signed(try cursor.read(Int64.self, key), type)
        case .float32: .real(Double(Float(bitPattern: try cursor.read(UInt32.self, key))), type)
        case .float64: .real(Double(bitPattern: try cursor.read(UInt64.self, key)), type)
        case .bool: .boolean(try cursor.read(UInt8.self, key) != 0)
        case .string: unsafe .text(String(decoding: try cursor.readBytes(key), as: UTF8.self))
        case .array: .elements(try readArray(&cursor, key))
        }
    }

    private static func readArray(_ cursor: inout GGUFCursor, _ key: String) throws -> GGUFArray {
        let type = try readType(&cursor, key)
        guard type != .array else {
            throw InferenceError(.unsupported, "\(key) is an array of arrays, which is not supported")
        }
        let count = try cursor.readCount(unit: type.byteCount ?? 8, "the length of \(key)")
        let start = cursor.offset
        if let size = type.byteCount {
            try cursor.skip(count * size, key)
        } else {
            for _ in 0..<count { _ = unsafe try cursor.readBytes(key) }
        }
        return GGUFArray(elementType: type, count: count, map: cursor.map, range: start..<cursor.offset)
    }
}
