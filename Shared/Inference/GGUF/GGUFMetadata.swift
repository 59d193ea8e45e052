/// The metadata of a file: typed access by key.
public struct GGUFMetadata: Sendable {
    private let values: [String: GGUFValue]
    /// All keys, in the order of the file.
    public let keys: [String]

    init(values: [String: GGUFValue], keys: [String]) {
        self.values = values
        self.keys = keys
    }

    /// The value of a key, `nil` where the file has none.
    public subscript(key: String) -> GGUFValue? { values[key] }

    /// A text that must exist.
    ///
    /// - Throws: `InferenceError` naming the key where it is missing or of another type.
    public func string(_ key: String) throws -> String { try required(key, "string", \.string) }

    /// A whole number of zero or more that must exist.
    ///
    /// - Throws: `InferenceError` naming the key where it is missing, negative or of another type.
    public func uint(_ key: String) throws -> Int {
        let value = try required(key, "unsigned integer", \.integer)
        guard value >= 0 else { throw InferenceError(.invalidFile, "\(key): \(value) is negative") }
        return value
    }

    /// A number that must exist.
    ///
    /// - Throws: `InferenceError` naming the key where it is missing or of another type.
    public func float(_ key: String) throws -> Double { try required(key, "number", \.number) }

    /// A truth value that must exist.
    ///
    /// - Throws: `InferenceError` naming the key where it is missing or of another type.
    public func bool(_ key: String) throws -> Bool { try required(key, "bool", \.bool) }

    /// An array with elements of one type that must exist.
    ///
    /// - Throws: `InferenceError` naming the key where it is missing or of another type.
    public func array(_ key: String, of type: GGUFValueType) throws -> GGUFArray {
        let array = try required(key, "array of \(type)", \.array)
        guard array.elementType == type else {
            throw InferenceError(.invalidFile, "\(key): expected array of \(type), found array of \(array.elementType)")
        }
        return array
    }

    /// An array of integers of any width that must exist.
    ///
    /// - Throws: `InferenceError` naming the key where it is missing or of another type.
    public func integers(_ key: String) throws -> [Int] { try required(key, "array of integers", \.array?.integers) }

    /// An array of numbers that must exist.
    ///
    /// - Throws: `InferenceError` naming the key where it is missing or of another type.
    public func numbers(_ key: String) throws -> [Double] { try required(key, "array of numbers", \.array?.numbers) }

    /// A text, `nil` where the key is missing.
    ///
    /// - Throws: `InferenceError` naming the key where it is of another type.
    public func optionalString(_ key: String) throws -> String? { values[key] == nil ? nil : try string(key) }

    /// A whole number of zero or more, `nil` where the key is missing.
    ///
    /// - Throws: `InferenceError` naming the key where it is negative or of another type.
    public func optionalUInt(_ key: String) throws -> Int? { values[key] == nil ? nil : try uint(key) }

    /// A truth value, `nil` where the key is missing.
    ///
    /// - Throws: `InferenceError` naming the key where it is of another type.
    public func optionalBool(_ key: String) throws -> Bool? { values[key] == nil ? nil : try bool(key) }

    private func required<Value>(
        _ key: String, _ expected: @autoclosure () -> String, _ get: (GGUFValue) -> Value?
    ) throws -> Value {
        guard let value = values[key] else { throw InferenceError(.invalidFile, "\(key) is missing") }
        guard let result = get(value) else {
            throw InferenceError(.invalidFile, "\(key): expected \(expected()), found \(value.typeName)")
        }
        return result
    }
}
