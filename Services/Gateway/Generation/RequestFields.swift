/// Reads typed fields from a client's JSON object; `null` counts as absent, every error names the field.
struct RequestFields: Sendable {
    private let object: JSONValue
    private let prefix: String

    /// Wraps an object; `prefix` is put in front of the names in errors (`stream_options.`).
    init(_ value: JSONValue, prefix: String = "") throws(APIError) {
        guard case .object = value else {
            let what = prefix.isEmpty ? "the body" : String(prefix.dropLast())
            throw APIError.invalid("\(what) must be an object", prefix.isEmpty ? nil : String(prefix.dropLast()))
        }
        object = value
        self.prefix = prefix
    }

    /// The full name of a field, for errors.
    func name(_ key: String) -> String { prefix + key }

    /// A value that is there and not `null`.
    func value(_ key: String) -> JSONValue? {
        guard let value = object[key], !value.isNull else { return nil }
        return value
    }

    /// A text.
    func string(_ key: String) throws(APIError) -> String? {
        guard let value = value(key) else { return nil }
        guard let text = value.text else { throw APIError.invalid("\(name(key)) must be a string", name(key)) }
        return text
    }

    /// `true` or `false`.
    func bool(_ key: String) throws(APIError) -> Bool? {
        guard let value = value(key) else { return nil }
        guard case .bool(let flag) = value else {
            throw APIError.invalid("\(name(key)) must be true or false", name(key))
        }
        return flag
    }

    /// A whole number in a range.
    func int(_ key: String, in range: ClosedRange<Int>) throws(APIError) -> Int? {
        guard let value = value(key) else { return nil }
        guard value.isWhole else { throw APIError.invalid("\(name(key)) must be a whole number", name(key)) }
        guard let number = value.whole, range.contains(number) else {
            let isAbove = value.whole == nil && value.double.map { $0 > 0 } == true
            let upper = range.upperBound == .max && !isAbove ? "or more" : "to \(range.upperBound)"
            throw APIError.invalid("\(name(key)) must be \(range.lowerBound) \(upper), not \(value.written)", name(key))
        }
        return number
    }

    /// A number of 64 bits, signed or not; `nil` also for -1, which stands for "any" in llama.cpp and vLLM.
    func seed(_ key: String) throws(APIError) -> UInt64? {
        switch value(key) {
        case nil, .integer(-1): return nil
        case .unsigned(let number): return number
        case .some(let value):
            guard value.isWhole else { throw APIError.invalid("\(name(key)) must be a whole number", name(key)) }
            // A number that is not kept as a whole one may be another than was written.
            var isExact = true
            if case .number(let number) = value { isExact = abs(number) <= 0x1p53 }
            guard isExact, let number = value.whole else {
                throw APIError.invalid(
                    "\(name(key)) must be \(Int64.min) to \(UInt64.max), not \(value.written)", name(key))
            }
            return number == -1 ? nil : UInt64(bitPattern: Int64(number))
        }
    }

    /// A number in a range, with the lower bound itself excluded where asked.
    func double(
        _ key: String, in range: ClosedRange<Double>, excludingLower: Bool = false
    ) throws(APIError) -> Double? {
        guard let value = value(key) else { return nil }
        guard let number = value.double else { throw APIError.invalid("\(name(key)) must be a number", name(key)) }
        guard range.contains(number), !(excludingLower && number == range.lowerBound) else {
            let lower = excludingLower ? "more than \(range.lowerBound)" : "from \(range.lowerBound)"
            throw APIError.invalid("\(name(key)) must be \(lower) to \(range.upperBound), not \(number)", name(key))
        }
        return number
    }

    /// A list of token ids of a vocabulary.
    func tokens(_ key: String, vocabulary: Int, atMost limit: Int) throws(APIError) -> [Int32]? {
        guard let value = value(key) else { return nil }
        guard let elements = value.elements else {
            throw APIError.invalid("\(name(key)) must be an array of token ids", name(key))
        }
        return try Self.tokens(elements, name(key), vocabulary: vocabulary, atMost: limit)
    }

    /// Checks token ids.
    static func tokens(
        _ elements: [JSONValue], _ name: String, vocabulary: Int, atMost limit: Int
    ) throws(APIError) -> [Int32] {
        guard elements.count <= limit else {
            throw APIError.invalid("\(name) has \(elements.count) entries, at most \(limit) are accepted", name)
        }
        var result: [Int32] = []
        result.reserveCapacity(elements.count)
        for element in elements {
            guard let id = element.whole else {
                throw APIError.invalid("\(name) must hold token ids only", name)
            }
            guard id >= 0, id < vocabulary else {
                throw APIError.invalid("\(name): token \(id) is not in the vocabulary of \(vocabulary)", name)
            }
            result.append(Int32(id))
        }
        return result
    }
}
