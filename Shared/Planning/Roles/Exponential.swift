/// Powers of numbers between 0 and 1 without a C library, the same on every machine.
enum Exponential {
    /// `base` to a positive `exponent`, for `0 < base <= 1`; relative error below 1e-9.
    static func power(_ base: Double, _ exponent: Double) -> Double { exponential(exponent * logarithm(base)) }

    /// Natural logarithm: exponent of two apart, then the series of the inverse hyperbolic tangent.
    private static func logarithm(_ value: Double) -> Double {
        let significand = value.significand
        let ratio = (significand - 1) / (significand + 1)
        let square = ratio * ratio
        var term = ratio
        var sum = 0.0
        for divisor in stride(from: 1.0, through: 21, by: 2) {
            sum += term / divisor
            term *= square
        }
        return 2 * sum + Double(value.exponent) * 0.693_147_180_559_945_3
    }

    /// `e` to a power: powers of two apart, then the Taylor series.
    private static func exponential(_ value: Double) -> Double {
        guard value > -700 else { return 0 }
        let twos = (value / 0.693_147_180_559_945_3).rounded()
        let rest = value - twos * 0.693_147_180_559_945_3
        var term = 1.0
        var sum = 1.0
        for divisor in stride(from: 1.0, through: 14, by: 1) {
            term *= rest / divisor
            sum += term
        }
        return Double(sign: .plus, exponent: Int(twos), significand: sum)
    }
}
