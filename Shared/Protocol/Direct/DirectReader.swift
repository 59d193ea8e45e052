/// Reads plain JSON from its beginning to its end; throws `Unusual` at whatever it does not expect.
struct DirectReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Whether nothing but blanks is left.
    var isAtEnd: Bool {
        mutating get {
            skipBlanks()
            return position == bytes.count
        }
    }

    /// Reads an object; `field` reads the value of a key that it knows and says `false` at one that it does not.
    mutating func object(_ field: (inout DirectReader, Substring) throws(Unusual) -> Bool) throws(Unusual) {
        try expect(UInt8(ascii: "{"))
        if take(UInt8(ascii: "}")) { return }
        repeat {
            let key = try string()
            try expect(UInt8(ascii: ":"))
            guard try field(&self, key[...]) else { throw Unusual() }
        } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"))
    }

    /// Reads a list.
    mutating func array<Element>(
        _ element: (inout DirectReader) throws(Unusual) -> Element
    ) throws(Unusual) -> [Element] {
        var elements: [Element] = []
        try expect(UInt8(ascii: "["))
        if take(UInt8(ascii: "]")) { return elements }
        repeat { elements.append(try element(&self)) } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "]"))
        return elements
    }

    /// Reads a text without escapes.
    mutating func string() throws(Unusual) -> String {
        try expect(UInt8(ascii: "\""))
        let start = position
        while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
            guard bytes[position] >= 32, bytes[position] != UInt8(ascii: "\\") else { throw Unusual() }
            position += 1
        }
        guard position < bytes.count, let text = String(validating: bytes[start..<position], as: UTF8.self) else {
            throw Unusual()
        }
        position += 1
        return text
    }

    /// Reads a whole number.
    mutating func integer<Value: FixedWidthInteger>(_: Value.Type = Value.self) throws(Unusual) -> Value {
        skipBlanks()
        let isNegative = take(UInt8(ascii: "-"))
        let start = position
        var value: Value = 0
        while position < bytes.count, let digit = Value(exactly: Int(bytes[position]) - 48), (0...9).contains(digit) {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) =
                isNegative ? product.subtractingReportingOverflow(digit) : product.addingReportingOverflow(digit)
            guard !overflow, !carry else { throw Unusual() }
            value = sum
            position += 1
        }
        let count = position - start
        // "01" is no number, and what goes on is no whole one.
        guard count > 0, count == 1 || bytes[start] != 48, !isNegative || value != 0 else { throw Unusual() }
        if position < bytes.count, [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(bytes[position]) {
            throw Unusual()
        }
        return value
    }

    mutating func bool() throws(Unusual) -> Bool {
        skipBlanks()
        for (text, value) in [("true", true), ("false", false)]
        where bytes[position...].starts(with: text.utf8) {
            position += text.utf8.count
            return value
        }
        throw Unusual()
    }

    // MARK: Bytes

    private mutating func skipBlanks() {
        while position < bytes.count, [32, 9, 10, 13].contains(bytes[position]) { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ byte: UInt8) throws(Unusual) {
        guard take(byte) else { throw Unusual() }
    }
}

/// A field that is read at most once, and must have been where it is needed.
struct DirectField<Value> {
    private(set) var value: Value?

    /// Takes the value; a second one is unusual.
    mutating func set(_ new: Value) throws(Unusual) {
        guard value == nil else { throw Unusual() }
        value = new
    }

    /// The value that must be there.
    func needed() throws(Unusual) -> Value {
        guard let value else { throw Unusual() }
        return value
    }
}
