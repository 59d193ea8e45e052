/// Reads a text scalar by scalar.
struct ScalarReader {
    private let scalars: [UInt32]
    private let newlines: [Int]
    private(set) var position = 0

    init(_ text: String) {
        let scalars = text.unicodeScalars.map(\.value)
        self.scalars = scalars
        newlines = scalars.indices.filter { scalars[$0] == 0x0A }
    }

    var isAtEnd: Bool { position >= scalars.count }
    var current: UInt32? { peek(0) }

    /// The line of the position, from 1.
    var line: Int {
        var low = 0
        var high = newlines.count
        while low < high {
            let middle = (low + high) / 2
            if newlines[middle] < position { low = middle + 1 } else { high = middle }
        }
        return low + 1
    }

    func peek(_ distance: Int) -> UInt32? {
        position + distance < scalars.count ? scalars[position + distance] : nil
    }

    /// Whether a text of ASCII comes next.
    func isNext(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { expected in
            guard position + expected.count <= scalars.count else { return false }
            for index in expected.indices where scalars[position + index] != UInt32(expected[index]) { return false }
            return true
        }
    }

    mutating func skip(_ count: Int = 1) { position += count }

    /// Skips a text of ASCII, if it comes next.
    mutating func take(_ text: StaticString) -> Bool {
        guard isNext(text) else { return false }
        position += text.utf8CodeUnitCount
        return true
    }

    mutating func next() -> UInt32? {
        guard let scalar = current else { return nil }
        position += 1
        return scalar
    }

    /// A whole number without a sign; `nil` where no digit comes next. Stops growing beyond every limit.
    mutating func number() -> Int? {
        var value: Int?
        while let scalar = current, (0x30...0x39).contains(scalar) {
            value = min((value ?? 0) * 10 + Int(scalar - 0x30), 1 << 40)
            position += 1
        }
        return value
    }

    /// So many hexadecimal digits as a scalar; `nil` where they are others or no scalar.
    mutating func hexadecimal(_ count: Int) -> UInt32? {
        var value: UInt32 = 0
        for _ in 0..<count {
            guard let scalar = next(), let digit = Unicode.Scalar(scalar)?.properties.isASCIIHexDigit, digit,
                let number = Unicode.Scalar(scalar).flatMap({ Int(String($0), radix: 16) }), value <= 0xFFF_FFFF
            else { return nil }
            value = value * 16 + UInt32(number)
        }
        return Unicode.Scalar(value)?.value
    }

    /// Goes back to an earlier position.
    mutating func rewind(to earlier: Int) { position = earlier }
}

/// The scalar as it is shown in messages.
func shown(_ scalar: UInt32) -> String {
    guard let scalar = Unicode.Scalar(scalar) else { return "?" }
    return scalar.value < 0x20 ? "U+\(String(scalar.value, radix: 16))" : String(scalar)
}
