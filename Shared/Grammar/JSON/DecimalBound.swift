/// The amount of a bound of a number, without its sign.
struct DecimalBound: Sendable, Hashable, Comparable {
    var whole: Int
    /// Digits after the point, without zeros at the end.
    var fraction: [UInt8]
    var isInclusive = true

    static let zero = DecimalBound(whole: 0, fraction: [])

    /// The amount of a number; `nil` where it needs more than 18 digits on one side of the point.
    init?(_ number: Double) {
        let text = "\(number.magnitude)".lowercased()
        let halves = text.split(separator: "e")
        guard let mantissa = halves.first, let exponent = halves.count > 1 ? Int(halves[1]) : 0 else { return nil }
        let parts = mantissa.split(separator: ".", omittingEmptySubsequences: false)
        var digits = parts.joined().utf8.map { $0 - 0x30 }
        var point = parts[0].count + exponent
        guard abs(exponent) <= 40 else { return nil }
        if point < 0 {
            digits = [UInt8](repeating: 0, count: -point) + digits
            point = 0
        }
        while digits.count < point { digits.append(0) }
        var fraction = Array(digits[point...])
        while fraction.last == 0 { fraction.removeLast() }
        let wholeDigits = digits[..<point].drop { $0 == 0 }
        guard wholeDigits.count <= JSONRules.digits, fraction.count <= JSONRules.digits else { return nil }
        whole = wholeDigits.reduce(0) { $0 * 10 + Int($1) }
        self.fraction = fraction
    }

    init(whole: Int, fraction: [UInt8], isInclusive: Bool = true) {
        self.whole = whole
        self.fraction = fraction
        self.isInclusive = isInclusive
    }

    /// Compares amounts only.
    static func < (left: DecimalBound, right: DecimalBound) -> Bool {
        if left.whole != right.whole { return left.whole < right.whole }
        return left.fraction.lexicographicallyPrecedes(right.fraction)
    }
}
