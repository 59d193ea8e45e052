/// The text of one number in a format of Python: sign, digits, and how to fill up to a width.
struct NumberText {
    var sign = ""
    var digits = ""
    /// Whether the digits may have zeros in front, as infinity may not.
    var takesZeros = true

    /// A whole number.
    ///
    /// - Parameters:
    ///   - conversion: `x`, `X`, `o`, `b`, or anything else for decimal digits.
    ///   - least: least number of digits.
    ///   - marksBase: write `0x` and the like.
    init(_ value: Int, _ conversion: Unicode.Scalar, least: Int = 0, marksBase: Bool = false) {
        let (radix, mark): (Int, String)
        switch conversion {
        case "x", "X": (radix, mark) = (16, conversion == "x" ? "0x" : "0X")
        case "o": (radix, mark) = (8, "0o")
        case "b": (radix, mark) = (2, "0b")
        default: (radix, mark) = (10, "")
        }
        sign = (value < 0 ? "-" : "") + (marksBase ? mark : "")
        digits = String(value.magnitude, radix: radix, uppercase: conversion == "X")
        digits = String(repeating: "0", count: max(0, least - digits.count)) + digits
    }

    /// A real number.
    init(_ value: Double, _ conversion: Unicode.Scalar, precision: Int, keepsPoint: Bool = false) {
        sign = value.sign == .minus && !value.isNaN ? "-" : ""
        digits = RealText.text(value.magnitude, conversion, precision: precision, keepsPoint: keepsPoint)
        takesZeros = value.isFinite
    }

    /// A real number as `str` has it.
    init(shortest value: Double) {
        sign = value.sign == .minus && !value.isNaN ? "-" : ""
        digits = JSONText.number(value.magnitude)
        takesZeros = value.isFinite
    }

    /// Puts a sign in front of numbers that are not negative.
    mutating func mark(positive: String) { if !sign.hasPrefix("-") { sign = positive + sign } }

    /// Puts a mark between groups of three digits before the point.
    mutating func group(by mark: Character) {
        let whole = digits.prefix { $0.isNumber }
        guard takesZeros, whole.count > 3 else { return }
        var grouped = ""
        for (index, digit) in whole.enumerated() {
            if index > 0, (whole.count - index) % 3 == 0 { grouped.append(mark) }
            grouped.append(digit)
        }
        digits = grouped + digits.dropFirst(whole.count)
    }

    /// The text, with zeros between sign and digits up to a width.
    func filled(to width: Int) -> String {
        guard takesZeros else { return sign + digits }
        return sign + String(repeating: "0", count: max(0, width - sign.count - digits.count)) + digits
    }

    var text: String { sign + digits }
}
