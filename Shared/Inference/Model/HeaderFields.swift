/// Reads typed values from a GGUF header; every error names the key.
struct HeaderFields {
    let gguf: GGUFFile

    /// Whether the key exists.
    func has(_ key: String) -> Bool { gguf.metadata[key] != nil }

    /// An integer in `range`; the key must exist.
    func integer(_ key: String, in range: ClosedRange<Int>) throws -> Int {
        guard let value = try optionalInteger(key, in: range) else { throw missing(key) }
        return value
    }

    /// An integer in `range`, `standard` where the key does not exist.
    func integer(_ key: String, in range: ClosedRange<Int>, default standard: Int) throws -> Int {
        try optionalInteger(key, in: range) ?? standard
    }

    /// An integer in `range`, `nil` where the key does not exist.
    func optionalInteger(_ key: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let value = gguf.metadata[key] else { return nil }
        guard let number = value.integer else { throw notOne(key, value, "a whole number") }
        guard range.contains(number) else {
            throw wrong(key, "\(number) is not in \(range.lowerBound)...\(range.upperBound)")
        }
        return number
    }

    /// A finite number, `standard` where the key does not exist; without `standard` it must exist.
    func number(_ key: String, default standard: Double? = nil) throws -> Double {
        guard let value = gguf.metadata[key] else {
            guard let standard else { throw missing(key) }
            return standard
        }
        guard let number = value.number, number.isFinite else { throw notOne(key, value, "a finite number") }
        return number
    }

    /// A text, `standard` where the key does not exist; without `standard` it must exist.
    func string(_ key: String, default standard: String? = nil) throws -> String {
        guard let value = gguf.metadata[key] else {
            guard let standard else { throw missing(key) }
            return standard
        }
        guard let text = value.string else { throw wrong(key, "is not a text") }
        return text
    }

    /// Elements of an array, `nil` where the key does not exist or is no array.
    func arrayCount(_ key: String) -> Int? { gguf.metadata[key]?.arrayCount }

    /// An error about a key's value.
    func wrong(_ key: String, _ problem: String) -> InferenceError {
        InferenceError(.invalidFile, "\(key): \(problem)")
    }

    /// Some models give a value per layer where others give one for all.
    private func notOne(_ key: String, _ value: GGUFValue, _ expected: String) -> InferenceError {
        guard value.array != nil else { return wrong(key, "is not \(expected), but \(value.typeName)") }
        return InferenceError(
            .unsupported,
            "\(key) is a list with a value per layer, which is not supported; use a model whose layers are all alike")
    }

    private func missing(_ key: String) -> InferenceError {
        InferenceError(.invalidFile, "\(key) is missing")
    }
}
