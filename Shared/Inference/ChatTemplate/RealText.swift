internal import Glibc

/// Real numbers as C's `printf` writes them, which is how Python's formats and rounding do.
enum RealText {
    /// Digits behind the point that are taken seriously.
    static let largestPrecision = 1000

    /// - Parameters:
    ///   - conversion: `e`, `E`, `f`, `F`, `g` or `G`.
    ///   - keepsPoint: write the point, and zeros at the end, even where they are of no use.
    static func text(_ value: Double, _ conversion: Unicode.Scalar, precision: Int, keepsPoint: Bool = false) -> String
    {
        let format = "%\(keepsPoint ? "#" : "").*\(Character(conversion))"
        // The largest number has 309 digits before the point.
        let capacity = 400 + precision
        return unsafe withVaList([Int32(clamping: precision), value]) { arguments in
            unsafe String(unsafeUninitializedCapacity: capacity) { buffer in
                unsafe buffer.withMemoryRebound(to: CChar.self) { bytes in
                    let count = unsafe vsnprintf(bytes.baseAddress, bytes.count, format, arguments)
                    return max(0, min(Int(count), bytes.count - 1))
                }
            }
        }
    }

    /// A power of ten.
    static func power(_ exponent: Int) -> Double { pow(10, Double(exponent)) }

    /// A number rounded to some digits behind the point, ties to even, by its exact value.
    static func rounded(_ value: Double, digits: Int) -> Double {
        guard value.isFinite, (-300...300).contains(digits) else { return value }
        guard digits < 0 else { return Double(text(value, "f", precision: digits)) ?? value }
        let power = power(-digits)
        return (value / power).rounded(.toNearestOrEven) * power
    }
}
