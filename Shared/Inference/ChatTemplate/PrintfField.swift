/// One `%` of a format of Python's: `%(key)-08.3f`.
struct PrintfField {
    /// Widths and precisions beyond this are refused.
    static let widest = 65_536

    /// A number, or `*`, which takes it from the values.
    enum Size: Hashable {
        case absent
        case given(Int)
        case fromValues
    }

    private(set) var key: String?
    private(set) var flags: Set<Unicode.Scalar> = []
    private(set) var width = Size.absent
    private(set) var precision = Size.absent
    private(set) var conversion: Unicode.Scalar = "s"

    /// Reads what follows a `%`; `index` stands behind it, and behind the field afterwards.
    init(_ format: Text, _ index: inout Int) throws {
        if Self.current(format, index) == "(" {
            let start = index + 1
            var depth = 0
            repeat {
                switch Self.current(format, index) {
                case "(": depth += 1
                case ")": depth -= 1
                case nil: throw InferenceError(.template, "a key of a format has no end")
                default: break
                }
                index += 1
            } while depth > 0
            key = Text(format, start..<index - 1).string
        }
        while let flag = Self.current(format, index), ["#", "0", "-", " ", "+"].contains(flag) {
            flags.insert(flag)
            index += 1
        }
        width = try Self.size(format, &index) ?? .absent
        if Self.current(format, index) == "." {
            index += 1
            precision = try Self.size(format, &index) ?? .given(0)
        }
        // C's lengths mean nothing in Python.
        while let length = Self.current(format, index), ["h", "l", "L"].contains(length) { index += 1 }
        guard let conversion = Self.current(format, index) else {
            throw InferenceError(.template, "a format ends too early")
        }
        index += 1
        self.conversion = conversion
    }

    private static func current(_ format: Text, _ index: Int) -> Unicode.Scalar? {
        index < format.count ? format.scalars[index] : nil
    }

    private static func size(_ format: Text, _ index: inout Int) throws -> Size? {
        if current(format, index) == "*" {
            index += 1
            return .fromValues
        }
        var number: Int?
        while let digit = current(format, index), ("0"..."9").contains(digit) {
            number = (number ?? 0) * 10 + Int(digit.value - 48)
            guard number ?? 0 <= widest else { throw InferenceError(.template, "a width of a format is too large") }
            index += 1
        }
        return number.map { .given($0) }
    }
}
