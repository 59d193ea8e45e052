/// A measured curve: piecewise linear between its points, continued outside of them by a fitted polynomial that is scaled
/// to meet the outermost point.
///
/// Values never fall as `x` grows and are always positive, whatever noise the samples carried.
struct MonotoneTable: Sendable, Hashable {
    /// Positions, strictly ascending.
    private(set) var positions: [Double]
    /// Values, never descending.
    private(set) var values: [Double]
    /// Coefficients of 1, x, x^2; none negative.
    private(set) var coefficients: [Double]
    /// Root mean square of the relative error of the fit over the samples.
    private(set) var relativeError: Double

    /// Makes a curve, or `nil` where no sample is usable. `degree` is 1 or 2.
    init?(samples: [(x: Double, value: Double)], degree: Int) {
        let usable = samples.filter { $0.x >= 0 && $0.x.isFinite && $0.value > 0 && $0.value.isFinite }
        guard !usable.isEmpty else { return nil }
        (positions, values) = Self.monotone(usable)
        let features = usable.map { sample in (0...degree).map { power in Self.power(sample.x, power) } }
        let order: [[Int]] =
            degree == 1 ? [[1], [0, 1], [0]] : [[1], [0, 1], [1, 2], [0, 1, 2], [0, 2], [0], [2]]
        let fit = NonNegativeLeastSquares(rows: features, values: usable.map(\.value), order: order)
        coefficients = fit?.coefficients ?? [values[0]]
        relativeError = ((fit?.squaredError ?? 0) / Double(usable.count)).squareRoot()
    }

    /// The value at `x`.
    func value(at x: Double) -> Double {
        let last = positions.count - 1
        if x >= positions[last] { return scaled(x, position: positions[last], value: values[last]) }
        if x <= positions[0] { return scaled(x, position: positions[0], value: values[0]) }
        let above = Search.firstIndex(in: positions, notBelow: x)
        let share = (x - positions[above - 1]) / (positions[above] - positions[above - 1])
        return values[above - 1] + share * (values[above] - values[above - 1])
    }

    /// The fitted polynomial alone.
    func fitted(_ x: Double) -> Double {
        coefficients.enumerated().reduce(0) { $0 + $1.element * Self.power(x, $1.offset) }
    }

    private func scaled(_ x: Double, position: Double, value: Double) -> Double {
        let reference = fitted(position)
        guard reference > 0 else { return value }
        return max(DeviceCost.smallestSeconds, value * fitted(x) / reference)
    }

    private static func power(_ x: Double, _ exponent: Int) -> Double {
        exponent == 0 ? 1 : exponent == 1 ? x : x * x
    }

    /// Averages samples of one position, then pools neighbours that fall (isotonic regression).
    private static func monotone(_ samples: [(x: Double, value: Double)]) -> ([Double], [Double]) {
        let sorted = samples.sorted { ($0.x, $0.value) < ($1.x, $1.value) }
        var positions: [Double] = []
        var sums: [(sum: Double, count: Double)] = []
        for sample in sorted {
            if positions.last == sample.x {
                sums[sums.count - 1].sum += sample.value
                sums[sums.count - 1].count += 1
            } else {
                positions.append(sample.x)
                sums.append((sample.value, 1))
            }
        }
        var pools: [(value: Double, weight: Double, points: Int)] = []
        for entry in sums {
            pools.append((entry.sum / entry.count, entry.count, 1))
            while pools.count > 1, pools[pools.count - 2].value > pools[pools.count - 1].value {
                let high = pools.removeLast()
                let low = pools.removeLast()
                let weight = low.weight + high.weight
                let value = (low.value * low.weight + high.value * high.weight) / weight
                pools.append((value, weight, low.points + high.points))
            }
        }
        return (positions, pools.flatMap { Array(repeating: $0.value, count: $0.points) })
    }
}

/// Binary search over ascending values.
enum Search {
    /// The first index whose value is at least `x`; `values.count` where there is none.
    static func firstIndex(in values: [Double], notBelow x: Double) -> Int {
        var low = 0
        var high = values.count
        while low < high {
            let middle = (low + high) / 2
            if values[middle] < x { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
