/// The range of values along one side of a plot, with its ticks at round numbers.
struct Axis {
    let low: Double
    let high: Double
    let ticks: [Double]
    /// Decimals that tell the ticks apart.
    private let decimals: Int

    /// Covers values, to the next ticks where it `rounds`; `count` is about how many ticks there are. Values beyond 10^15
    /// count as that.
    init(_ values: some Sequence<Double>, fromZero: Bool = false, rounds: Bool = true, count: Int = 6) {
        var low = Double.infinity
        var high = -Double.infinity
        for value in values where value.isFinite {
            low = min(low, max(-1e15, value))
            high = max(high, min(1e15, value))
        }
        if low > high { (low, high) = (0, 1) }
        if fromZero { (low, high) = (min(0, low), max(0, high)) }
        // Nothing smaller can be told apart at this size.
        if high - low <= max(1e-10, low.magnitude * 1e-9, high.magnitude * 1e-9) {
            high = low + max(1e-9, low == 0 ? 1 : low.magnitude * 0.1)
        }
        let (step, decimals) = Self.step((high - low) / Double(max(1, count)))
        if rounds {
            low = (low / step + 1e-9).rounded(.down) * step
            high = (high / step - 1e-9).rounded(.up) * step
        }
        self.low = low
        self.high = high
        self.decimals = decimals
        let first = (low / step - 1e-9).rounded(.up)
        let last = (high / step + 1e-9).rounded(.down)
        ticks = last >= first ? (0...min(1000, Int(last - first))).map { (first + Double($0)) * step } : []
    }

    /// Has the given ticks, of which the first and the last are its ends.
    init(ticks: [Double], decimals: Int) {
        low = ticks.first ?? 0
        high = ticks.last ?? 1
        self.ticks = ticks
        self.decimals = decimals
    }

    /// The least of 1, 2 and 5 times a power of ten that is not smaller, and the decimals that it needs.
    private static func step(_ least: Double) -> (Double, Int) {
        var power = 1.0
        var decimals = 0
        while power * 10 <= least { power *= 10 }
        while power > least, decimals < 12 {
            power /= 10
            decimals += 1
        }
        for factor in [1.0, 2, 5] where power * factor >= least * (1 - 1e-9) { return (power * factor, decimals) }
        return (power * 10, max(0, decimals - 1))
    }

    /// Where a value lies between the ends, 0 to 1; what is outside lies on the end.
    func share(_ value: Double) -> Double {
        value.isNaN ? 0 : min(1, max(0, (min(1e15, max(-1e15, value)) - low) / (high - low)))
    }

    /// A tick's label.
    func text(_ value: Double) -> String {
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        let digits = (value * scale).rounded()
        guard digits.magnitude < 1e18 else { return "\(value)" }
        let number = Int(digits)
        guard decimals > 0 else { return "\(number)" }
        var text = "\(number.magnitude)"
        text = String(repeating: "0", count: max(0, decimals + 1 - text.count)) + text
        return (number < 0 ? "-" : "") + text.dropLast(decimals) + "." + text.suffix(decimals)
    }
}
